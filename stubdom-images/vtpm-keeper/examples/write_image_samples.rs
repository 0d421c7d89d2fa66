//! Writes the samples of the present version of the image's format into `tests/samples`. Samples of a
//! released version are never written again.
#![forbid(unsafe_code)]

use domain_io::DomainId;
use std::path::Path;
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_keeper::image::Image;
use vtpm_service::Past;

fn keep(name: &str, image: &Image) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    std::fs::write(path, &image.encode()[..]).expect("the sample can be written");
}

fn main() {
    let full = Image {
        version: TpmVersion::Tpm12,
        state: TpmState { permanent: vec![0xaa; 40], saved: Some(vec![0xbb; 7]) },
        guests: Past { living: vec![DomainId(3), DomainId(300)], last: Some(DomainId(300)) },
    };
    keep("vtpm-image-v1-full.bin", &full);
    let plain = Image {
        version: TpmVersion::Tpm20,
        state: TpmState { permanent: vec![0xcc; 9], saved: None },
        guests: Past::default(),
    };
    keep("vtpm-image-v1-plain.bin", &plain);
}
