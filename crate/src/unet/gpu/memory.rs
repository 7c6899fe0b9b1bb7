//! Where each tensor of an evaluation lives: those that are not needed at the same time share memory.

use super::plan::{ALIGN, Features, Plan};

/// What a list of launches needs of memory.
#[derive(Debug, Clone)]
pub(super) struct Uses {
    /// Size of every tensor for one image.
    pub(super) sizes: Vec<usize>,
    /// What the host writes, in this order.
    pub(super) given: Vec<Features>,
    /// The tensors that each launch reads, and those that it writes.
    pub(super) launches: Vec<[Vec<usize>; 2]>,
    /// Tensors that outlast the launches.
    pub(super) kept: Vec<usize>,
    /// Tensors that have their memory from the beginning to the end.
    pub(super) own: Vec<usize>,
}

/// The positions of a plan's tensors for a given number of images, counted in numbers.
///
/// Every buffer that a launch writes is one that it does not read: WebGPU forbids both in one launch, even of different
/// parts. The tensors that launches write therefore live in buffers that are each other's equals, one tensor at a time.
#[derive(Debug)]
pub(super) struct Layout {
    /// For a tensor that the host writes, where it begins in the one buffer of those; for any other, its buffer.
    pub(super) positions: Vec<usize>,
    /// Numbers that the host writes.
    pub(super) given_len: usize,
    /// Sizes of the buffers that the launches write.
    pub(super) buffers: Vec<usize>,
    given: Vec<Features>,
}

impl Layout {
    /// The layout in which, if `keeps`, the features after every stage outlast the evaluation.
    pub(super) fn new(plan: &Plan, images: usize, keeps: bool) -> Self {
        let stages = plan.stages.iter().map(|(_, features)| features.id);
        let bottom = plan.bottom.map(|(qkv, _)| qkv.id);
        let kept = stages.chain(bottom).filter(|_| keeps);
        let launches = plan.launches.iter().map(|launch| {
            let reads = launch.reads().iter().map(|features| features.id).collect();
            [reads, vec![launch.writes().id]]
        });
        let uses = Uses {
            sizes: plan.sizes.clone(),
            given: plan.given.all().to_vec(),
            launches: launches.collect(),
            kept: kept.chain([plan.out.id]).collect(),
            own: Vec::new(),
        };
        Self::of(uses, images)
    }

    /// The layout for so many images.
    pub(super) fn of(uses: Uses, images: usize) -> Self {
        let mut positions = vec![0; uses.sizes.len()];
        let mut given_len = 0;
        for features in &uses.given {
            positions[features.id] = given_len;
            given_len = (given_len + features.size() * images).next_multiple_of(ALIGN);
        }

        let is_given = |id: usize| uses.given.iter().any(|features| features.id == id);
        let mut lifetimes: Vec<Option<Lifetime>> = vec![None; uses.sizes.len()];
        for (at, [reads, writes]) in uses.launches.iter().enumerate() {
            for &id in writes.iter().chain(reads).filter(|&&id| !is_given(id)) {
                let new = Lifetime {
                    first: at,
                    last: at,
                    size: uses.sizes[id] * images,
                };
                lifetimes[id].get_or_insert(new).last = at;
            }
        }
        for &id in uses.kept.iter().chain(&uses.own) {
            if let Some(lifetime) = &mut lifetimes[id] {
                lifetime.last = uses.launches.len();
            }
        }
        for &id in &uses.own {
            if let Some(lifetime) = &mut lifetimes[id] {
                lifetime.first = 0;
            }
        }
        let (ids, lifetimes): (Vec<usize>, Vec<Lifetime>) = (lifetimes.into_iter().enumerate())
            .filter_map(|(id, lifetime)| Some((id, lifetime?)))
            .unzip();
        let (found, buffers) = share(&lifetimes);
        for (id, buffer) in ids.into_iter().zip(found) {
            positions[id] = buffer;
        }
        Self {
            positions,
            given_len,
            buffers,
            given: uses.given,
        }
    }

    /// Whether the host writes this tensor.
    pub(super) fn is_given(&self, features: &Features) -> bool {
        self.given.iter().any(|given| given.id == features.id)
    }

    /// All that the host writes, in its positions.
    pub(super) fn given(&self, parts: &[&[f32]]) -> Vec<f32> {
        let mut values = vec![0.0; self.given_len];
        for (part, features) in parts.iter().zip(&self.given) {
            let position = self.positions[features.id];
            values[position..position + part.len()].copy_from_slice(part);
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
