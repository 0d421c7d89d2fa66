//! A monotonic counter (1.2 Part 1, 17; 1.2 Part 3, 25).
//!
//! The owner makes it; its own authorisation, derived from the store's secret, advances it. In one
//! boot of the TPM only one counter can be advanced, the first that is tried, and no TPM promises
//! more than one increment in five seconds. Reading is not authenticated, the answer to an
//! increment is.

use super::auth::{Bytes20, Call, authorised, end_sessions, independent, of_object};
use super::codes::{
    CAPABILITY_HANDLE, CREATE_COUNTER, ENTITY_OWNER, INCREMENT_COUNTER, OWNER, READ_COUNTER,
    RELEASE_COUNTER_OWNER, RESOURCE_COUNTER, code,
};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::counters::{Former, Leftover};
use crate::crypto::derive;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::sealed::{CounterId, RecordedCounter};
use alloc::vec::Vec;
use core::time::Duration;
use tpm_wire::tpm12::{self, Capability};
use tpm_wire::{Malformed, PacketBuilder, Reader, Tag};
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// Separates this use of the secret from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr counter 1";

/// The label of the manager's counters (`TPM_COUNTER_VALUE`, 1.2 Part 2, 20.1).
const LABEL: [u8; 4] = *b"vTPM";

/// What a TPM 1.2 asks for between two increments (1.2 Part 1, 17.1).
const BETWEEN: Duration = Duration::from_secs(5);

/// Handles to try: TPMs number their few counters from 0.
const USUAL_HANDLES: u32 = 8;

/// A monotonic counter of a TPM 1.2.
pub struct MonotonicCounter {
    handle: u32,
    id: CounterId,
    auth: Zeroizing<Bytes20>,
    /// When it was advanced last, by the domain's clock.
    pub(crate) advanced: Option<Duration>,
}

impl MonotonicCounter {
    fn new(secret: &Secret, handle: u32, id: CounterId) -> Self {
        let key = derive(None, secret.bytes(), &[PURPOSE, &LABEL, &id].concat());
        let mut auth = Zeroizing::new([0; 20]);
        auth.iter_mut().zip(key.iter()).for_each(|(to, from)| *to = *from);
        Self { handle, id, auth, advanced: None }
    }

    /// What the sealed secret keeps of it.
    pub(crate) const fn recorded(&self) -> RecordedCounter {
        let Self { handle, id, .. } = *self;
        RecordedCounter::Monotonic { handle, label: LABEL, id }
    }
}

/// Label and value out of a `TPM_COUNTER_VALUE`.
fn counter_value(reader: &mut Reader<'_>) -> Result<([u8; 4], u64), Malformed> {
    let (_tag, label, value) = (reader.u16()?, reader.array()?, reader.u32()?);
    Ok((label, value.into()))
}

/// Makes the counter; the owner must have been taken.
pub(crate) fn create(
    platform: &mut Platform<'_>,
    access: &Access,
    secret: &Secret,
    (id, former): (CounterId, Former),
) -> Result<(MonotonicCounter, u64), CustodyError> {
    let mut link = Link::new(platform);
    let mut attempt = || {
        for (handle, _) in ours(&mut link)? {
            match former {
                Former::Keep => return Err(CustodyError::CounterExists(handle)),
                Former::Remove => release(&mut link, access, handle)?,
            }
        }
        make(&mut link, access, secret, id)
    };
    let result = attempt();
    end_sessions(&mut link);
    result
}

fn make(
    link: &mut Link<'_, '_>,
    access: &Access,
    secret: &Secret,
    id: CounterId,
) -> Result<(MonotonicCounter, u64), CustodyError> {
    let step = "TPM_CreateCounter";
    let counter = MonotonicCounter::new(secret, 0, id);
    let session = of_object(link, (ENTITY_OWNER, OWNER), access.owner_auth.bytes())?;
    let parameters = Bytes::new().bytes(&session.conceal(&counter.auth)).bytes(&LABEL).finish();
    let call = Call { step, ordinal: CREATE_COUNTER, handles: &[], parameters: &parameters };
    let answer = authorised(link, &call, &[&session]).map_err(owner_refused)?;
    let (handle, (_, value)) =
        parse(step, &answer, |reader| Ok((reader.u32()?, counter_value(reader)?)))?;
    Ok((MonotonicCounter { handle, ..counter }, value))
}

fn release(link: &mut Link<'_, '_>, access: &Access, handle: u32) -> Result<(), CustodyError> {
    let session = independent(link, access.owner_auth.bytes())?;
    let call = Call {
        step: "TPM_ReleaseCounterOwner",
        ordinal: RELEASE_COUNTER_OWNER,
        handles: &[],
        parameters: &handle.to_be_bytes(),
    };
    authorised(link, &call, &[&session]).map_err(owner_refused)?;
    Ok(())
}

fn owner_refused(error: CustodyError) -> CustodyError {
    error.or_if(&[code::AUTH_FAIL], || CustodyError::OwnerAuth)
}

/// The counter on record; `None` where there never was one. One that is not on record is a stranger,
/// since its authorisation cannot be known.
pub(crate) fn find(
    platform: &mut Platform<'_>,
    secret: &Secret,
    recorded: Option<&RecordedCounter>,
) -> Result<Option<(MonotonicCounter, u64)>, CustodyError> {
    let mut link = Link::new(platform);
    let there = ours(&mut link)?;
    let found = match recorded.map(RecordedCounter::monotonic) {
        None => match there.first() {
            Some((handle, _)) => return Err(CustodyError::ForeignCounter(*handle)),
            None => return Ok(None),
        },
        Some(Some((handle, LABEL))) => {
            let found = there.iter().find(|(there, _)| *there == handle);
            found.ok_or(CustodyError::NoCounter(handle))?
        }
        Some(_) => return Err(CustodyError::Damaged),
    };
    let id = recorded.map(RecordedCounter::id).unwrap_or_default();
    let (handle, value) = *found;
    Ok(Some((MonotonicCounter::new(secret, handle, id), value)))
}

/// A manager's counter whose store is not at hand.
pub(crate) fn leftover(platform: &mut Platform<'_>) -> Result<Option<Leftover>, CustodyError> {
    let there = ours(&mut Link::new(platform))?;
    Ok(there.first().map(|(_, value)| Leftover { value: Some(*value) }))
}

/// All counters with our label: among those that the TPM lists and, since not every TPM lists its
/// counters, those with the first few handles.
fn ours(link: &mut Link<'_, '_>) -> Result<Vec<(u32, u64)>, CustodyError> {
    let mut handles = listed(link)?;
    handles.extend(0..USUAL_HANDLES);
    handles.sort_unstable();
    handles.dedup();
    let mut found = Vec::new();
    for handle in handles {
        match read_one(link, handle) {
            Ok((LABEL, value)) => found.push((handle, value)),
            Ok(_) | Err(CustodyError::NoCounter(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn listed(link: &mut Link<'_, '_>) -> Result<Vec<u32>, CustodyError> {
    let step = "TPM_GetCapability";
    let command =
        tpm12::get_capability(Capability(CAPABILITY_HANDLE), &RESOURCE_COUNTER.to_be_bytes());
    let response = match link.transmit(step, &command) {
        Err(CustodyError::Refused { .. }) => return Ok(Vec::new()),
        other => other?,
    };
    parse(step, &response.body, |reader| {
        let (_length, count) = (reader.u32()?, reader.u16()?);
        (0..count).map(|_| reader.u32()).collect()
    })
}

fn read_one(link: &mut Link<'_, '_>, handle: u32) -> Result<([u8; 4], u64), CustodyError> {
    let step = "TPM_ReadCounter";
    let command = PacketBuilder::new(Tag::RQU_COMMAND, READ_COUNTER.0).u32(handle).finish();
    let response = link
        .transmit(step, &command)
        .map_err(|error| error.or_if(&[code::BAD_COUNTER], || CustodyError::NoCounter(handle)))?;
    parse(step, &response.body, counter_value)
}

/// Reads the counter; nothing authenticates the answer.
pub(crate) fn read(
    platform: &mut Platform<'_>,
    counter: &mut MonotonicCounter,
) -> Result<u64, CustodyError> {
    Ok(read_one(&mut Link::new(platform), counter.handle)?.1)
}

/// Advances the counter by one, not sooner than the TPM allows, and tells its value then.
pub(crate) fn increment(
    platform: &mut Platform<'_>,
    counter: &mut MonotonicCounter,
) -> Result<u64, CustodyError> {
    let now = platform.time.now();
    let rest = counter.advanced.map(|last| BETWEEN.saturating_sub(now.saturating_sub(last)));
    if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
        platform.time.pause(rest);
    }
    let mut link = Link::new(platform);
    let result = advance(&mut link, counter);
    end_sessions(&mut link);
    counter.advanced = Some(platform.time.now());
    result
}

fn advance(link: &mut Link<'_, '_>, counter: &MonotonicCounter) -> Result<u64, CustodyError> {
    let (step, handle) = ("TPM_IncrementCounter", counter.handle);
    let session = independent(link, &counter.auth)?;
    let parameters = handle.to_be_bytes();
    let call = Call { step, ordinal: INCREMENT_COUNTER, handles: &[], parameters: &parameters };
    let answer = authorised(link, &call, &[&session]).map_err(|error| {
        error
            .or_if(&[code::AUTH_FAIL], || CustodyError::ForeignCounter(handle))
            .or_if(&[code::BAD_COUNTER], || CustodyError::OtherCounterActive(handle))
    })?;
    Ok(parse(step, &answer, counter_value)?.1)
}
