//! Text for man(7), as groff_man(7) has it.

/// A text so that every character stands for itself.
pub(crate) fn plain(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = escaped.lines().map(|line| match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Bold.
pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", plain(text))
}

/// Italic.
pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", plain(text))
}

/// A line of a page as it is read: without fonts and escapes.
pub(crate) fn read(line: &str) -> String {
    let mut said = line.to_owned();
    for font in ["\\fB", "\\fI", "\\fR", "\\fP", "\\&"] {
        said = said.replace(font, "");
    }
    said.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", "\"").replace("\\e", "\\")
}
