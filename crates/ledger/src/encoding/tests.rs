//! The journal's records as bytes, which never change.

use domain::record::StoredRecord;

use super::*;
use crate::row::Interner;
use crate::support::{Spec, hour};

const ASSIGNED: (u64, i64) = (3, 7);

fn stored(spec: &Spec) -> (Vec<u8>, StoredRecord) {
    let record = spec.record();
    let instance_hash = record.instance.hash();
    let mut bytes = Vec::new();
    encode(&HashedRecord::new(record.clone()), spec.reported(), &mut bytes);
    let (commit, time) = (Commit(ASSIGNED.0), hour(ASSIGNED.1));
    let reported = spec.reported().unwrap_or(ReportedTime(time));
    (bytes, StoredRecord { record, instance_hash, reported, commit, erased: None })
}

fn read(bytes: &[u8]) -> Result<(StoredRecord, usize), Malformed> {
    let assigned = Assigned { commit: Commit(ASSIGNED.0), time: hour(ASSIGNED.1) };
    let (row, length) = decode(bytes, assigned)?;
    Ok((Interner::default().stored(&row)?, length))
}

#[test]
fn every_field_survives_the_round_trip() {
    for event in 0..4 {
        for reported in [None, Some(5)] {
            let spec = Spec { event, meter: 1, instance: 3, reported, ..Spec::default() };
            let (mut bytes, record) = stored(&spec);
            let length = bytes.len();
            bytes.extend_from_slice(b"the next record");
            assert_eq!(read(&bytes), Ok((record, length)));
        }
    }
}

#[test]
fn the_bytes_never_change() {
    let spec = Spec { event: 1, reported: Some(0), ..Spec::default() };
    let hex: Vec<String> = stored(&spec).0.iter().map(|byte| format!("{byte:02x}")).collect();
    // Computed by hand: every number little-endian, ids and hashes as their text reads.
    let expected = [
        "85000000",                                 // length of the rest: 133
        "000000000000000000000000abcd0000",         // subscription
        "0040204648470600",                         // usage start, 2026-01-01T00:00:00Z
        "00e4b31c49470600",                         // usage end, an hour later
        "00000000000000000000000000000007",         // meter
        "960010632d5ec76b0500000000000000",         // quantity 1.0000000000000000015
        "b7b7b06e1512b89b835ee157527773a1",         // hash of an instance without any part
        "06125669727475656c6c6520436f6d7075746572", // meter category, Virtuelle Computer
        "0905486f757273",                           // unit, Hours
        "1e0575726e3a62",                           // source, urn:b
        "1f076576656e742d31",                       // event id, event-1
        "2008402db74a48470600",                     // reported, 2026-01-01T00:01:17Z
    ];
    assert_eq!(hex.concat(), expected.concat());
}

#[test]
fn bytes_cut_short_are_no_record() {
    let (bytes, _) = stored(&Spec { event: 3, instance: 2, reported: Some(1), ..Spec::default() });
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn fields_unknown_doubled_or_out_of_order_are_refused() {
    let (bytes, _) = stored(&Spec { event: 1, ..Spec::default() });
    let with = |field_bytes: &[u8]| {
        let mut longer = bytes.clone();
        longer.extend_from_slice(field_bytes);
        let length = u32::try_from(longer.len() - LENGTH_BYTES).unwrap();
        longer[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        read(&longer).map(drop)
    };
    assert_eq!(with(&[99, 0]), Err(Malformed("unknown field")));
    assert_eq!(with(&[31, 1, b'x']), Err(Malformed("order of fields")));
    assert_eq!(with(&[43, 1, 0xff]), Err(Malformed("text is not UTF-8")));
    assert_eq!(with(&[40, 1, 0]), Err(Malformed("cut short")));
    assert_eq!(
        with(&[44, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(Malformed("length of a field"))
    );
    assert_eq!(with(&[43, 1, b'x']), Ok(()));
}
