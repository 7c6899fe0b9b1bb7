//! Where each tensor of an evaluation lives: those that are not needed at the same time share memory.

use super::plan::{ALIGN, Features, Plan};

/// The places of a plan's tensors for a given number of images, counted in numbers.
///
/// Every buffer that a launch writes is one that it does not read: WebGPU forbids both in one launch, even of different
/// parts. The tensors that launches write therefore live in buffers that are each other's equals, one tensor at a time.
#[derive(Debug)]
pub(super) struct Layout {
    /// For a tensor that the host writes, where it begins in the one buffer of those; for any other, its buffer.
    pub(super) places: Vec<usize>,
    /// Numbers that the host writes.
    pub(super) given_len: usize,
    /// Sizes of the buffers that the launches write.
    pub(super) buffers: Vec<usize>,
    given_count: usize,
}

impl Layout {
    /// The layout in which, if `keeps`, the features after every stage outlast the evaluation.
    pub(super) fn new(plan: &Plan, images: usize, keeps: bool) -> Self {
        let given = plan.given.all();
        let mut places = vec![0; plan.sizes.len()];
        let mut given_len = 0;
        for features in given {
            places[features.id] = given_len;
            given_len = (given_len + features.size() * images).next_multiple_of(ALIGN);
        }

        let mut lifetimes: Vec<Option<Lifetime>> = vec![None; plan.sizes.len()];
        for (at, launch) in plan.launches.iter().enumerate() {
            let id = launch.writes().id;
            let size = plan.sizes[id] * images;
            lifetimes[id] = Some(Lifetime {
                first: at,
                last: at,
                size,
            });
            for read in launch.reads() {
                if let Some(lifetime) = &mut lifetimes[read.id] {
                    lifetime.last = at;
                }
            }
        }
        let stages = plan.stages.iter().map(|(_, features)| features.id);
        let bottom = plan.bottom.map(|(qkv, _)| qkv.id);
        let kept = stages.chain(bottom).filter(|_| keeps);
        for id in kept.chain([plan.out.id]) {
            if let Some(lifetime) = &mut lifetimes[id] {
                lifetime.last = plan.launches.len();
            }
        }
        let (ids, lifetimes): (Vec<usize>, Vec<Lifetime>) = (lifetimes.into_iter().enumerate())
            .filter_map(|(id, lifetime)| Some((id, lifetime?)))
            .unzip();
        let (found, buffers) = share(&lifetimes);
        for (id, buffer) in ids.into_iter().zip(found) {
            places[id] = buffer;
        }
        Self {
            places,
            given_len,
            buffers,
            given_count: given.len(),
        }
    }

    /// Whether the host writes this tensor.
    pub(super) fn is_given(&self, features: &Features) -> bool {
        features.id < self.given_count
    }

    /// All that the host writes, in its places.
    pub(super) fn given(&self, parts: [&[f32]; 3]) -> Vec<f32> {
        let mut values = vec![0.0; self.given_len];
        for (part, &place) in parts.iter().zip(&self.places) {
            values[place..place + part.len()].copy_from_slice(part);
        }
        values
    }
}

/// From the launch that writes a tensor to the last that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lifetime {
    first: usize,
    last: usize,
    /// Size, in any unit.
    size: usize,
}

/// A buffer for each tensor, and the buffers' sizes: large tensors choose first, each the first buffer that is free in its
/// time (greedy by size: Pisarchyk & Lee 2020, section 4).
fn share(tensors: &[Lifetime]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(tensors[i].size));
    let mut found = vec![0; tensors.len()];
    let mut buffers: Vec<Vec<Lifetime>> = Vec::new();
    for i in order {
        let this = tensors[i];
        let meets = |other: &Lifetime| this.first <= other.last && other.first <= this.last;
        let free = (buffers.iter()).position(|tenants| !tenants.iter().any(meets));
        found[i] = free.unwrap_or(buffers.len());
        match free {
            Some(buffer) => buffers[buffer].push(this),
            None => buffers.push(vec![this]),
        }
    }
    let largest = |tenants: &Vec<Lifetime>| tenants.first().map_or(0, |tenant| tenant.size);
    (found, buffers.iter().map(largest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(first: usize, last: usize, size: usize) -> Lifetime {
        Lifetime { first, last, size }
    }

    #[test]
    fn tensors_of_the_same_time_never_share_memory() {
        let mut seed = 1_u64;
        let mut random = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for _ in 0..50 {
            let tensors: Vec<Lifetime> = (0..40)
                .map(|i| lifetime(i, i + random(12), 1 + random(900)))
                .collect();
            let (found, buffers) = share(&tensors);
            for (i, a) in tensors.iter().enumerate() {
                assert!(a.size <= buffers[found[i]]);
                for (j, b) in tensors.iter().enumerate().skip(i + 1) {
                    let meet = a.first <= b.last && b.first <= a.last;
                    assert!(!meet || found[i] != found[j], "{a:?}, {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_buffers() {
        let chain: Vec<Lifetime> = (0..10).map(|i| lifetime(i, i + 1, 64)).collect();
        assert_eq!(share(&chain).1, [64, 64]);
    }
}
