use super::*;
use crate::test_page::TestPage;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::vec;

const RING: Place = Place { buffer: 0, bytes: 16, consumer: 100, producer: 104 };

#[test]
fn a_full_ring_takes_nothing_more() {
    let page = TestPage::new();
    assert_eq!(RING.put(&page, &[1; 20]), Ok(16));
    assert_eq!(RING.put(&page, &[1]), Ok(0));
    assert!(!RING.is_empty(&page));
}

#[test]
fn an_impossible_index_of_the_other_side_is_named() {
    let page = TestPage::new();
    page.store_u32(RING.consumer, 1).unwrap();
    assert_eq!(RING.put(&page, &[1]), Err(BadIndex));
    page.store_u32(RING.consumer, 0).unwrap();
    page.store_u32(RING.producer, 17).unwrap();
    assert_eq!(RING.take(&page, &mut [0; 4]), Err(BadIndex));
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        start: u32,
        steps in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..24)), 1..60),
    ) {
        let page = TestPage::new();
        page.store_u32(RING.consumer, start).unwrap();
        page.store_u32(RING.producer, start).unwrap();
        let mut model = VecDeque::new();
        for (put, bytes) in steps {
            if put {
                let count = RING.put(&page, &bytes).unwrap();
                prop_assert_eq!(count, bytes.len().min(16 - model.len()));
                model.extend(&bytes[..count]);
            } else {
                let mut into = bytes.clone();
                let count = RING.take(&page, &mut into).unwrap();
                prop_assert_eq!(count, bytes.len().min(model.len()));
                for byte in &into[..count] {
                    prop_assert_eq!(Some(*byte), model.pop_front());
                }
            }
        }
    }

    #[test]
    fn any_indices_and_any_lengths_are_survived(producer: u32, consumer: u32, length in 0_usize..64) {
        let page = TestPage::new();
        page.store_u32(RING.producer, producer).unwrap();
        page.store_u32(RING.consumer, consumer).unwrap();
        let _ = RING.put(&page, &vec![0; length]);
        let _ = RING.take(&page, &mut vec![0; length]);
    }
}
