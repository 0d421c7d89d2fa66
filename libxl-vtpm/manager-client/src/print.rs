//! Answers, for people and as JSON.

use manager_client::{Entry, Show, Stats, TpmVersion, endorsement_pem, uuid_text};
use serde_json::{Value, json};

/// Bits of a record's flags.
const DISABLED: u32 = 1 << 2;

/// Prints an answer in one of its two forms.
pub(crate) fn print(as_json: bool, value: Value, text: impl FnOnce()) {
    if as_json { println!("{value}") } else { text() }
}

fn hardware(version: Option<TpmVersion>) -> String {
    version.map_or_else(|| "none".into(), |version| version.to_string())
}

pub(crate) fn stats(stats: &Stats, as_json: bool) {
    let value = json!({
        "hardware": stats.hardware.map(|version| version.to_string()),
        "provision": if stats.explicit { "explicit" } else { "first-contact" },
        "store": uuid_text(&stats.store),
        "sequence": stats.sequence,
        "counter": stats.counter,
        "vtpms": stats.records,
        "free_pages": stats.free_pages,
        "attached": stats.sessions,
        "uptime_seconds": stats.uptime,
        "saves": stats.saves,
        "commits": stats.commits,
        "answered": stats.answered,
        "refused": stats.refused,
    });
    print(as_json, value, || {
        println!("hardware TPM   {}", hardware(stats.hardware));
        println!("store          {}, commit {}", uuid_text(&stats.store), stats.sequence);
        println!("vTPMs          {}, {} attached", stats.records, stats.sessions);
        println!("free           {} KiB", stats.free_pages.saturating_mul(4));
        println!(
            "since start    {} s: {} saves in {} commits, {} requests answered, {} refused",
            stats.uptime, stats.saves, stats.commits, stats.answered, stats.refused
        );
    });
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "uuid": uuid_text(&entry.uuid),
        "tpm": entry.version.to_string(),
        "has_state": entry.has_state,
        "generation": entry.generation,
        "group": entry.group,
        "flags": entry.flags,
        "domain": entry.domain,
    })
}

pub(crate) fn list(entries: &[Entry], as_json: bool) {
    let value = Value::Array(entries.iter().map(entry_json).collect());
    print(as_json, value, || {
        println!("{:36} {:3} {:>10} {:>6} {:>8}", "UUID", "TPM", "saves", "domain", "");
        for entry in entries {
            let domain = entry.domain.map_or_else(|| "-".into(), |domain| domain.to_string());
            let note = if entry.flags & DISABLED == 0 { "" } else { "disabled" };
            println!(
                "{:36} {:3} {:>10} {:>6} {:>8}",
                uuid_text(&entry.uuid),
                entry.version.to_string(),
                entry.generation,
                domain,
                note
            );
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn show_json(show: &Show) -> Value {
    let mut value = entry_json(&show.entry);
    for (name, bytes) in [
        ("state_hash", &show.hash[..]),
        ("image_hash", &show.image_hash),
        ("label_hash", &show.label_hash),
        ("ek_name", &show.ek_name),
    ] {
        value[name] = json!(hex(bytes));
    }
    value["ek_public"] = json!(endorsement_pem(&show.ek_public).unwrap_or_default());
    value["accept_once"] = json!(show.accept_once);
    value
}

pub(crate) fn show(show: &Show, as_json: bool) {
    let value = show_json(show);
    let mut text = value.clone();
    print(as_json, value, || {
        let key = text.as_object_mut().and_then(|values| values.remove("ek_public"));
        for (name, value) in text.as_object().into_iter().flatten() {
            println!(
                "{name:12} {}",
                value.as_str().map_or_else(|| value.to_string(), String::from)
            );
        }
        print!("{}", key.as_ref().and_then(Value::as_str).unwrap_or_default());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endorsement_key_is_shown_as_other_programs_read_it() {
        let entry = Entry {
            uuid: [1; 16],
            version: TpmVersion::Tpm20,
            has_state: true,
            flags: 0,
            generation: 3,
            group: 0,
            domain: None,
        };
        let empty = Vec::new;
        let mut vtpm = Show {
            entry,
            accept_once: None,
            hash: [2; 20],
            image_hash: empty(),
            label_hash: empty(),
            ek_name: vec![0x00, 0x0B, 0xFE],
            ek_public: empty(),
        };
        assert_eq!(show_json(&vtpm)["ek_public"], "");
        vtpm.ek_public = vec![0x30; 49];
        let value = show_json(&vtpm);
        assert_eq!(value["ek_name"], "000bfe");
        let expected = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\nMA==\n-----END PUBLIC KEY-----\n",
            "MDAw".repeat(16)
        );
        assert_eq!(value["ek_public"], expected);
    }
}
