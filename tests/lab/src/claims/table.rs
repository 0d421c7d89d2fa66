//! The page that says which claim proves which sentence.

use super::Claim;
use std::fmt::Write;

const HEAD: &str = "\
# What the lab's claims prove

Each claim is a script that proves one sentence on real Xen, in a dom0 of its own, once for each of its
variants. This page is made from the scripts' own first lines: `./x lab claims --table >docs/claims.md`.
`./x test` runs them all but the long variants, which are in brackets and run with `--all` or by name.
Sentences that need no Xen are proved by the host's tests: [proofs.md](proofs.md).

| claim | sentence | variants | command |
|---|---|---|---|
";

/// The page, with a line for each script of `claims`, which are in order.
#[must_use]
pub fn table(claims: &[Claim]) -> String {
    let mut page = String::from(HEAD);
    for script in claims.chunk_by(|one, next| one.file == next.file) {
        let name = script[0].name.split('~').next().unwrap_or_default();
        let sentence = script[0].header.sentence.replace('|', "\\|");
        let variants: Vec<_> = script.iter().filter_map(variant).collect();
        let _ = writeln!(
            page,
            "| [{name}](../tests/lab/claims/{name}.sh) | {sentence} | {} | `./x lab claims {name}` |",
            variants.join(" ")
        );
    }
    page
}

fn variant(claim: &Claim) -> Option<String> {
    let name = claim.variant.as_ref()?;
    Some(if claim.long { format!("({name})") } else { name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Header;

    #[test]
    fn each_script_has_one_line_with_its_variants() {
        let claim = |name: &str, variant: Option<&str>, long| Claim {
            name: variant.map_or(name.into(), |variant| format!("{name}~{variant}")),
            file: format!("{name}.sh").into(),
            header: Header::parse("# claim: a | b\n").unwrap(),
            variant: variant.map(String::from),
            long,
        };
        let claims = [
            claim("one", Some("pv"), false),
            claim("one", Some("pvh"), true),
            claim("two", None, false),
        ];
        let page = table(&claims);
        let lines: Vec<_> = page.lines().skip_while(|line| !line.starts_with("|---")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[1],
            "| [one](../tests/lab/claims/one.sh) | a \\| b | pv (pvh) | `./x lab claims one` |"
        );
        assert!(lines[2].contains("|  | `./x lab claims two` |"), "{}", lines[2]);
    }
}
