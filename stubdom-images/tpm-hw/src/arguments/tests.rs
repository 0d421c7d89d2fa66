use super::*;
use alloc::format;
use alloc::string::ToString;
use core::iter::once;
use proptest::prelude::*;

fn taken(words: &str) -> HardwareArguments {
    let mut arguments = HardwareArguments::default();
    for word in words.split(' ') {
        assert_eq!(arguments.take(word), Ok(Argument::Taken), "{word}");
    }
    arguments
}

fn refused(word: &str) -> ArgumentError {
    HardwareArguments::default().take(word).unwrap_err()
}

#[test]
fn every_word_of_the_documents_is_taken() {
    let arguments = taken(
        "tpm2=1 tpmdriver=tpm_tis tpmiomem=0xfed40000 tpmlocality=2 owner_auth=well-known \
         srk_auth=hash:000102030405060708090a0b0c0d0e0f10111213 srk_handle=81000001 tpmirq=0",
    );
    assert!(arguments.tpm2);
    assert_eq!(arguments.base(), 0xFED4_0000);
    assert!(arguments.to_map().into_iter().eq(once(0xFED4_2000..0xFED4_3000)));
    assert_eq!(arguments.srk_auth.bytes()[19], 0x13);
    assert_eq!(arguments.srk_handle, Some(0x8100_0001));
    assert!(taken("tpm2").tpm2);
}

#[test]
fn nothing_said_means_the_usual_place_at_locality_0() {
    let arguments = HardwareArguments::default();
    assert!(arguments.to_map().into_iter().eq(once(0xFED4_0000..0xFED4_1000)));
    assert_eq!((arguments.tpm2, arguments.driver), (false, Driver::Registers));
    assert_eq!(arguments.owner_auth, Auth::WELL_KNOWN);
}

#[test]
fn further_ranges_are_buffers() {
    let arguments = taken("tpmiomem=0xfed40000+0x1000,0xbf000000+0x4000");
    assert_eq!(arguments.to_map(), [0xFED4_0000..0xFED4_1000, 0xBF00_0000..0xBF00_4000]);
}

#[test]
fn around_a_control_area_elsewhere_everything_is_mapped() {
    let arguments = taken("tpmiomem=0xbf000000+0x4000,0xbf008000+0x1000 tpmcontrol=0xbf000000");
    assert_eq!(arguments.to_map(), [0xBF00_0000..0xBF00_4000, 0xBF00_8000..0xBF00_9000]);
}

#[test]
fn a_text_stands_for_its_sha_1() {
    let auth = taken("owner_auth=text:abc").owner_auth;
    assert_eq!(auth.bytes()[..4], [0xa9, 0x99, 0x3e, 0x36]);
    assert_eq!(format!("{auth:?}"), "Auth(secret)");
}

#[test]
fn a_bad_secret_is_not_shown() {
    let message = refused("srk_auth=hash:abcsecret").to_string();
    assert!(!message.contains("abcsecret") && message.contains("srk_auth"), "{message}");
}

#[test]
fn interrupts_are_passed_over_with_a_message() {
    for word in ["tpmirq=probe", "tpmirq=5"] {
        let remark = HardwareArguments::default().take(word);
        assert_eq!(remark, Ok(Argument::PassedOver(Remark::NoInterrupts)));
    }
}

#[test]
fn a_start_method_other_than_plain_crb_or_tis_is_refused_by_name() {
    assert_eq!(refused("tpmstart=8"), ArgumentError::StartMethod(StartMethod(8)));
    let message = refused("tpmstart=11").to_string();
    assert!(message.contains("secure monitor call"), "{message}");
    taken("tpmstart=7 tpmstart=6 tpmcontrol=0xbf000040");
}

#[test]
fn values_out_of_bounds_are_refused_with_what_is_expected() {
    for word in [
        "tpmlocality=5",
        "tpmlocality=-1",
        "tpmiomem=0xfed40001",
        "tpmiomem=0xffffffffffffffff",
        "tpmiomem=0xfed40000+0",
        "tpmiomem=",
        "tpm2=2",
        "hwtpm=some",
        "tpmdriver=vtpm",
        "srk_handle=123456789",
        "tpmcontrol=0xfed40042",
        "owner_auth=hash:+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0",
    ] {
        assert!(refused(word).to_string().contains("is expected"), "{word}");
    }
    assert_eq!(HardwareArguments::default().take("loglevel=debug"), Ok(Argument::Other));
}

proptest! {
    #[test]
    fn no_word_panics(
        name in "tpm2|tpmiomem|tpmlocality|owner_auth|srk_auth|srk_handle|tpmcontrol|tpmstart",
        value in "(hash:|text:|0x)?[0-9a-fx+,é-]{0,48}",
    ) {
        let mut arguments = HardwareArguments::default();
        let _ = arguments.take(&format!("{name}={value}"));
        let _ = arguments.to_map();
    }
}
