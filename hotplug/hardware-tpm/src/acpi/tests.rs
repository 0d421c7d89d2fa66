use super::*;

/// A table with this body behind a header, its length and checksum right.
fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut table = signature.to_vec();
    table.extend(u32::try_from(36 + body.len()).unwrap().to_le_bytes());
    table.resize(36, 0);
    table.extend(body);
    table[9] = table.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    table
}

fn tpm2_body(start_method: u32, control_area: u64) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(control_area.to_le_bytes());
    body.extend(start_method.to_le_bytes());
    body
}

#[test]
fn a_table_without_a_log_is_read() {
    let read = Table::tpm2(&table(b"TPM2", &tpm2_body(7, 0xbd50_f000))).unwrap();
    let expected =
        Table::Tpm2 { start_method: StartMethod::CRB, control_area: 0xbd50_f000, log: None };
    assert_eq!(read, expected);
}

#[test]
fn the_log_area_is_read_where_the_table_has_room_for_it() {
    let mut body = tpm2_body(6, 0);
    body.extend([0; 12]);
    body.extend(0x1_0000u32.to_le_bytes());
    body.extend(0x9fff_0000u64.to_le_bytes());
    let log = Table::tpm2(&table(b"TPM2", &body)).unwrap().log();
    assert_eq!(log, Some(LogArea { address: 0x9fff_0000, bytes: 0x1_0000 }));
}

#[test]
fn a_servers_tcpa_tells_the_version_and_no_log() {
    let mut body = 1u16.to_le_bytes().to_vec();
    body.extend([0xff; 12]);
    let read = Table::tcpa(&table(b"TCPA", &body)).unwrap();
    assert_eq!((read.version(), read.log()), (TpmVersion::Tpm12, None));
}

#[test]
fn damage_is_named() {
    let good = table(b"TPM2", &tpm2_body(7, 0xfed4_0040));
    let mut flipped = good.clone();
    flipped[41] ^= 1;
    assert_eq!(Table::tpm2(&flipped), Err(TableError::Checksum));
    assert_eq!(Table::tcpa(&good), Err(TableError::Signature));
    let short = TableError::Short { bytes: 40, needed: 52 };
    assert_eq!(Table::tpm2(&good[..40]), Err(short));
    for length in 0..good.len() {
        assert!(Table::tpm2(&good[..length]).is_err(), "{length} bytes");
    }
    let mut long = good.clone();
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Table::tpm2(&long), Err(TableError::Short { .. })));
}
