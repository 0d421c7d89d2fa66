//! Images there and back, those of released versions, and any bytes at all.

use super::{Image, MOST_GUESTS, NoImage};
use alloc::vec;
use alloc::vec::Vec;
use domain_io::DomainId;
use proptest::prelude::{any, proptest};
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_service::Past;

fn full() -> Image {
    Image {
        version: TpmVersion::Tpm12,
        state: TpmState { permanent: vec![0xaa; 40], saved: Some(vec![0xbb; 7]) },
        guests: Past { living: vec![DomainId(3), DomainId(300)], last: Some(DomainId(300)) },
    }
}

fn plain() -> Image {
    Image {
        version: TpmVersion::Tpm20,
        state: TpmState { permanent: vec![0xcc; 9], saved: None },
        guests: Past::default(),
    }
}

#[test]
fn an_image_comes_back_as_it_was_kept() {
    for image in [full(), plain()] {
        assert_eq!(Image::decode(&image.encode()), Ok(image));
    }
}

#[test]
fn images_of_version_1_are_read() {
    let samples: [(&[u8], Image); 2] = [
        (include_bytes!("../tests/samples/vtpm-image-v1-full.bin"), full()),
        (include_bytes!("../tests/samples/vtpm-image-v1-plain.bin"), plain()),
    ];
    for (sample, image) in samples {
        assert_eq!(Image::decode(sample), Ok(image.clone()));
        assert_eq!(image.encode()[..], *sample, "version 1 is still what is written");
    }
}

#[test]
fn a_longer_head_of_a_later_version_is_passed_over() {
    let mut later = full().encode().to_vec();
    later[8] = 2;
    later[16] = 72;
    later.splice(64..64, [0x77; 8]);
    assert_eq!(Image::decode(&later), Ok(full()));
    later[12] = 2;
    assert_eq!(Image::decode(&later), Err(NoImage::Newer { version: 2, needs: 2 }));
}

#[test]
fn no_image_is_read_that_is_longer_or_shorter_than_it_says() {
    let bytes = full().encode();
    for length in 0..bytes.len() {
        assert_eq!(Image::decode(&bytes[..length]), Err(NoImage::Malformed), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Image::decode(&longer), Err(NoImage::Malformed));
}

#[test]
fn the_guests_served_longest_ago_are_forgotten_first() {
    let mut image = plain();
    image.guests.living = (0..300).map(DomainId).collect();
    let read = Image::decode(&image.encode()).unwrap().guests.living;
    assert_eq!((read.len(), read.last()), (MOST_GUESTS, Some(&DomainId(299))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(at in 0_usize..120, byte in any::<u8>(), cut in 0_usize..120) {
        let mut bytes: Vec<u8> = full().encode().to_vec();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut.max(20));
        let _ = Image::decode(&bytes);
    }
}
