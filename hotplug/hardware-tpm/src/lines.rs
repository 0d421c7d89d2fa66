//! What the manager's configuration has to say.

use crate::acpi::Table;
use crate::chip::{Chip, Reach};
use crate::error::Error;
use crate::range::{self, Range};
use std::fmt;
use tpm_hw::StartMethod;
use tpm_wire::TpmVersion;

/// The page of locality 0 on every PC, and those of the other four (TIS 1.3, 5.2).
const USUAL: Range = Range { start: 0xfed4_0000, end: 0xfed4_5000 };

/// Where a CRB device's control area is in the page of a locality (PTP 6.5.2).
const CONTROL_IN_PAGE: u64 = 0x40;

/// The lines for the manager's configuration that hand this TPM to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    version: TpmVersion,
    ranges: Vec<Range>,
    control: Option<u64>,
    start_method: Option<StartMethod>,
}

impl Lines {
    pub(crate) fn of(
        table: Option<&Table>,
        chips: &[Chip],
        reserved: &[Range],
    ) -> Result<Self, Error> {
        let mapped: Vec<_> = Chip::mapped(chips).collect();
        if mapped.len() > 1 {
            return Err(Error::Several(mapped.iter().map(|chip| chip.name.clone()).collect()));
        }
        let other = chips.iter().find(|chip| chip.reach() == Reach::Otherwise);
        if let (Some(chip), true) = (other, mapped.is_empty()) {
            let (driver, bus) = (chip.driver.clone(), chip.bus.clone());
            return Err(Error::NotMapped { driver, bus });
        }
        let known = table.map(Table::version).or_else(|| mapped.first()?.version);
        let version = known.ok_or(Error::NoTpm)?;
        let start_method = table.and_then(Table::start_method);
        let control = control(table)?;
        let ranges = ordered(reserved, control.unwrap_or(USUAL.start));
        let control = control.filter(|area| *area != USUAL.start + CONTROL_IN_PAGE);
        Ok(Self { version, ranges, control, start_method })
    }

    /// The TPM's version.
    #[must_use]
    pub const fn version(&self) -> TpmVersion {
        self.version
    }

    /// The physical addresses that the manager is given, whole pages; the registers come first.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// The line that gives the pages to the domain (`xl.cfg(5)`: page numbers and counts in
    /// hexadecimal).
    #[must_use]
    pub fn iomem(&self) -> String {
        let one = |range: &Range| format!("\"{:x},{:x}\"", range.first_page(), range.pages());
        format!("iomem=[{}]", self.ranges.iter().map(one).collect::<Vec<_>>().join(","))
    }

    /// The words for the manager's command line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let tpm2 = (self.version == TpmVersion::Tpm20).then(|| "tpm2".into());
        let range = |range: &Range| format!("{:#x}+{:#x}", range.start, range.bytes());
        let ranges: Vec<_> = self.ranges.iter().map(range).collect();
        let iomem = Some(format!("tpmiomem={}", ranges.join(",")));
        let control = self.control.map(|area| format!("tpmcontrol={area:#x}"));
        let start = self.start_method.map(|method| format!("tpmstart={}", method.0));
        [tpm2, iomem, control, start].into_iter().flatten().collect()
    }

    /// The line that holds these words.
    #[must_use]
    pub fn extra(&self) -> String {
        format!("extra=\"{}\"", self.words().join(" "))
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.iomem(), self.extra())
    }
}

/// The control area of a CRB device, once it is sure that the manager can start commands.
fn control(table: Option<&Table>) -> Result<Option<u64>, Error> {
    match table {
        Some(Table::Tpm2 { start_method, .. }) if !start_method.is_supported() => {
            Err(Error::StartMethod(*start_method))
        }
        Some(Table::Tpm2 { start_method: StartMethod::CRB, control_area: 0, .. }) => {
            Err(Error::NoControlArea)
        }
        Some(Table::Tpm2 { start_method: StartMethod::CRB, control_area, .. }) => {
            Ok(Some(*control_area))
        }
        _ => Ok(None),
    }
}

/// The reserved ranges, the one with this address first; it is added where firmware forgot it.
fn ordered(reserved: &[Range], address: u64) -> Vec<Range> {
    let forgotten = !reserved.iter().any(|range| range.holds(address));
    let added = forgotten.then(|| match USUAL.holds(address) {
        true => USUAL,
        false => Range::page_of(address),
    });
    let mut ranges = range::joined(reserved.iter().copied().chain(added));
    ranges.sort_by_key(|range| !range.holds(address));
    ranges
}
