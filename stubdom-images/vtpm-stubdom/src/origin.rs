//! What a start has to know of guests served before it.

use domain_io::{DomainId, Xenstore};
use vtpm_keeper::image::Image;
use vtpm_service::{Origin, Past};

/// Where the engine's TPM comes from. To be asked before the first frontend is looked at: a number
/// that lives now cannot be that of a younger guest.
///
/// When xenstored cannot say whether a guest lives, it counts as alive where that makes it refused,
/// and as dead where it would be given another's PCRs.
pub fn origin<X: Xenstore + ?Sized>(image: Option<&Image>, store: &mut X) -> Origin {
    let Some(Image { guests, .. }) = image else { return Origin::New };
    let mut lives = |domain: DomainId, doubt| store.is_introduced(domain).unwrap_or(doubt);
    let living = guests.living.iter().copied().filter(|guest| lives(*guest, true)).collect();
    let last = guests.last.filter(|last| lives(*last, false));
    Origin::Kept(Past { living, last })
}

#[cfg(test)]
mod tests {
    use super::origin;
    use domain_io::test_utils::World;
    use domain_io::{DomainId, StoreError};
    use vtpm_engine::{TpmState, TpmVersion};
    use vtpm_keeper::image::Image;
    use vtpm_service::{Origin, Past};

    const FIVE: DomainId = DomainId(5);
    const SIX: DomainId = DomainId(6);

    fn image(last: DomainId) -> Image {
        Image {
            version: TpmVersion::Tpm20,
            state: TpmState { permanent: [1].to_vec(), saved: None },
            guests: Past { living: [FIVE, SIX].to_vec(), last: Some(last) },
        }
    }

    #[test]
    fn the_dead_are_forgotten_and_a_dead_guest_s_boot_is_nobody_s() {
        let world = World::new();
        world.add_domain(SIX);
        let mut store = world.store(DomainId(9));
        let of = |last, store: &mut _| origin(Some(&image(last)), store);
        let living = [SIX].to_vec();
        let dead = Past { living: living.clone(), last: None };
        assert_eq!(of(FIVE, &mut store), Origin::Kept(dead));
        assert_eq!(of(SIX, &mut store), Origin::Kept(Past { living, last: Some(SIX) }));
        assert_eq!(origin(None, &mut store), Origin::New);
    }

    #[test]
    fn in_doubt_a_guest_is_refused_rather_than_given_pcrs() {
        let mut store = World::new().store(DomainId(9));
        store.failure = Some(StoreError::NoAnswer);
        let doubt = Past { living: [FIVE, SIX].to_vec(), last: None };
        assert_eq!(origin(Some(&image(SIX)), &mut store), Origin::Kept(doubt));
    }
}
