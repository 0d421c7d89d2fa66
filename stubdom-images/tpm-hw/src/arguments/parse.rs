//! From words to [`HardwareArguments`].

use super::{Auth, Driver, HardwareArguments, StartMethod};
use crate::locality::{Locality, REGISTER_PAGE_BYTES};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// What one word turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// It concerns the hardware TPM and has been taken over.
    Taken,
    /// It concerns the hardware TPM, is not needed, and is passed over.
    PassedOver(Remark),
    /// It does not concern the hardware TPM.
    Other,
}

/// Why a word was passed over. Its `Display` is the message for the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// `tpmirq=` with anything but 0.
    NoInterrupts,
    /// `tpmdriver=` names one of the register interfaces.
    InterfaceIsFound,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoInterrupts => "tpmirq= is passed over: the hardware TPM is polled",
            Self::InterfaceIsFound => {
                "tpmdriver= is passed over: the hardware TPM's interface is found out"
            }
        })
    }
}

/// A word that concerns the hardware TPM and cannot be used. Its `Display` never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// The value is none that may stand there.
    Value {
        /// The word before the equals sign.
        name: &'static str,
        /// The value; empty for secrets.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// The ACPI table TPM2 names a start method that this domain cannot carry out.
    StartMethod(StartMethod),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { name, value, expected } => {
                write!(f, "{name}={value} cannot be used: {expected} is expected")
            }
            Self::StartMethod(method) => write!(
                f,
                "the hardware TPM's start method {method} is not supported; 7 (plain CRB) and 6 \
                 (TIS) are"
            ),
        }
    }
}

impl core::error::Error for ArgumentError {}

impl HardwareArguments {
    /// The names of all words that concern the hardware TPM.
    pub const WORDS: [&str; 12] = [
        "tpm2",
        "version",
        "hwtpm",
        "tpmdriver",
        "tpmiomem",
        "tpmcontrol",
        "tpmstart",
        "tpmlocality",
        "tpmirq",
        "owner_auth",
        "srk_auth",
        "srk_handle",
    ];

    /// Takes one word of the command line over. A repeated word replaces the earlier one.
    ///
    /// # Errors
    /// [`ArgumentError`] when the word concerns the hardware TPM and its value cannot be used.
    pub fn take(&mut self, word: &str) -> Result<Argument, ArgumentError> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        if !Self::WORDS.contains(&name) {
            return Ok(Argument::Other);
        }
        match name {
            "tpm2" if matches!(value, "" | "1") => self.tpm2 = true,
            "tpm2" => return Err(bad("tpm2", value, "nothing or 1")),
            "tpmdriver" => return self.take_driver(value),
            "hwtpm" if value == "none" => self.driver = Driver::None,
            "hwtpm" => return Err(bad("hwtpm", value, "none")),
            "version" if value == "changed" => self.version_changed = true,
            "version" => return Err(bad("version", value, "changed")),
            "tpmiomem" => self.iomem = ranges(value)?,
            "tpmcontrol" => self.control_area = Some(control_area(value)?),
            "tpmstart" => start_method(value)?,
            "tpmlocality" => self.locality = locality(value)?,
            "tpmirq" if value == "0" => {}
            "tpmirq" => return Ok(Argument::PassedOver(Remark::NoInterrupts)),
            "owner_auth" => self.owner_auth = auth("owner_auth", value)?,
            "srk_auth" => self.srk_auth = auth("srk_auth", value)?,
            "srk_handle" => self.srk_handle = Some(handle(value)?),
            _ => return Ok(Argument::Other),
        }
        Ok(Argument::Taken)
    }

    fn take_driver(&mut self, value: &str) -> Result<Argument, ArgumentError> {
        match value {
            "tpm_tis" => self.driver = Driver::Registers,
            "tpm_crb" => {
                self.driver = Driver::Registers;
                return Ok(Argument::PassedOver(Remark::InterfaceIsFound));
            }
            "tpmfront" => self.driver = Driver::Relay,
            _ => return Err(bad("tpmdriver", value, "tpm_tis, tpm_crb or tpmfront")),
        }
        Ok(Argument::Taken)
    }
}

fn bad(name: &'static str, value: &str, expected: &'static str) -> ArgumentError {
    ArgumentError::Value { name, value: String::from(value), expected }
}

fn auth(name: &'static str, value: &str) -> Result<Auth, ArgumentError> {
    let expected = "well-known, hash: with 40 hexadecimal digits, or text: with a text";
    Auth::parse(value).ok_or_else(|| bad(name, "...", expected))
}

fn locality(value: &str) -> Result<Locality, ArgumentError> {
    let number = value.parse().ok().and_then(Locality::new);
    number.ok_or_else(|| bad("tpmlocality", value, "a number from 0 to 4"))
}

/// Hexadecimal with or without `0x`, as upstream reads addresses and handles.
fn hexadecimal(value: &str) -> Option<u64> {
    let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")).unwrap_or(value);
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, 16).ok()
}

fn handle(value: &str) -> Result<u32, ArgumentError> {
    let number = hexadecimal(value).and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| bad("srk_handle", value, "a handle of up to 8 hexadecimal digits"))
}

/// Beyond the physical addresses that any x86 processor has.
const ADDRESS_END: u64 = 1 << 52;

fn address(value: &str) -> Option<u64> {
    hexadecimal(value).filter(|address| *address < ADDRESS_END)
}

fn control_area(value: &str) -> Result<u64, ArgumentError> {
    let address = address(value).filter(|address| address.is_multiple_of(4));
    address.ok_or_else(|| bad("tpmcontrol", value, "a physical address such as 0xfed40040"))
}

fn start_method(value: &str) -> Result<(), ArgumentError> {
    let number = value.parse().map_err(|_| bad("tpmstart", value, "a number"))?;
    let method = StartMethod(number);
    if method.is_supported() { Ok(()) } else { Err(ArgumentError::StartMethod(method)) }
}

/// `ADDRESS[+BYTES]`, several separated by commas. Without a length, as upstream has it, the five
/// pages of the localities are meant.
fn ranges(value: &str) -> Result<Vec<Range<u64>>, ArgumentError> {
    let expected = "page addresses such as 0xfed40000, or ranges such as 0xfed40000+0x5000,";
    let all: Option<Vec<_>> = value.split(',').map(range).collect();
    all.ok_or_else(|| bad("tpmiomem", value, expected))
}

fn range(value: &str) -> Option<Range<u64>> {
    let (start, bytes) = match value.split_once('+') {
        Some((start, bytes)) => (address(start)?, address(bytes)?),
        None => (address(value)?, 5 * REGISTER_PAGE_BYTES),
    };
    let end = start.checked_add(bytes).filter(|end| *end <= ADDRESS_END)?;
    (start.is_multiple_of(REGISTER_PAGE_BYTES) && end > start).then_some(start..end)
}
