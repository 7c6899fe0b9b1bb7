//! More numbers than a device gives in one piece of memory: several pieces, cut where no launch reads across.

use super::format::Format;
use super::plan::{ALIGN, Launch, Plan};
use super::store::{Piece, TooLarge};
use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::Handle;
use std::ops::Range;

/// Where the pieces of so many numbers begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cuts {
    starts: Vec<usize>,
    len: usize,
}

impl Cuts {
    /// Cuts between `wholes`, each of which has to stay in one piece, so that no piece has more than `most` numbers. Beside
    /// every whole stands how many numbers it needs in other memory, which is cut likewise.
    ///
    /// # Errors
    /// A whole is larger than that.
    pub(super) fn new(
        wholes: &[(Range<usize>, usize)],
        most: usize,
        format: Format,
    ) -> Result<Self, TooLarge> {
        let (mut starts, mut others) = (vec![0], 0);
        let mut len = 0;
        for (range, other) in wholes {
            // Where the next one begins.
            len = range.end.next_multiple_of(ALIGN);
            let largest = (len - range.start).max(*other);
            if largest > most {
                return Err(TooLarge::of(largest, most, format));
            }
            if len - starts[starts.len() - 1] > most || others + other > most {
                starts.push(range.start);
                others = 0;
            }
            others += other;
        }
        Ok(Self { starts, len })
    }

    /// Cuts at these places, the first of which is 0, in `len` numbers.
    pub(super) fn at(starts: Vec<usize>, len: usize) -> Self {
        Self { starts, len }
    }

    /// The numbers of each piece.
    pub(super) fn ranges(&self) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let ends = self.starts.iter().skip(1).chain([&self.len]);
        let ends: Vec<usize> = ends.copied().collect();
        self.starts.clone().into_iter().zip(ends).map(|(a, b)| a..b)
    }

    /// The piece that holds the number at `index`.
    pub(super) fn holding(&self, index: usize) -> usize {
        self.starts.partition_point(|&start| start <= index) - 1
    }

    /// The numbers of all pieces.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Plan {
    /// The parameters that have to stay together, in their order: a launch binds what lies between its first and its last.
    pub(super) fn wholes(&self) -> Vec<Range<usize>> {
        let of = |launch: &Launch| match launch {
            Launch::Conv(conv) => Some(conv.parameters()),
            Launch::Norm(norm) => Some(norm.affine.clone()),
            Launch::Attend(_) | Launch::Filter(_) => None,
        };
        let table = self.classes.iter().map(|classes| classes.range.clone());
        let mut ranges: Vec<_> = self.launches.iter().filter_map(of).chain(table).collect();
        ranges.sort_by_key(|range| range.start);
        let mut wholes: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match wholes.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => wholes.push(range),
            }
        }
        wholes
    }
}

/// Numbers on the device in one piece or several.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    cuts: Cuts,
    format: Format,
    pieces: Vec<Piece>,
}

impl Pieces {
    /// Memory that holds `values`, and zeros where there are fewer than the cuts say.
    pub(super) fn of(values: Vec<f32>, cuts: &Cuts, client: &Client) -> Result<Self, TooLarge> {
        let pieces = split(values, cuts).map(|values| Piece::of(values, client));
        let mut pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        pieces.reverse();
        Ok(Self {
            cuts: cuts.clone(),
            format: Format::Single,
            pieces,
        })
    }

    /// Memory that holds anything.
    pub(super) fn empty(cuts: &Cuts, format: Format, client: &Client) -> Result<Self, TooLarge> {
        let piece = |range: Range<usize>| Piece::stored(range.len(), format, client);
        let pieces = cuts.ranges().map(piece);
        Ok(Self {
            pieces: pieces.collect::<Result<_, _>>()?,
            cuts: cuts.clone(),
            format,
        })
    }

    /// Memory that holds zeros.
    pub(super) fn zeros(cuts: &Cuts, client: &Client) -> Result<Self, TooLarge> {
        let pieces = cuts.ranges().map(|range| Piece::zeros(range.len(), client));
        Ok(Self {
            pieces: pieces.collect::<Result<_, _>>()?,
            cuts: cuts.clone(),
            format: Format::Single,
        })
    }

    /// Replaces all numbers.
    pub(super) fn write(&self, values: Vec<f32>, client: &Client) {
        for (values, piece) in split(values, &self.cuts).zip(self.pieces.iter().rev()) {
            client.write(&piece.handle, Bytes::from_elems(values));
        }
    }

    /// A range that lies in one piece.
    pub(super) fn part(&self, range: Range<usize>) -> Handle {
        let piece = self.cuts.holding(range.start);
        let start = self.cuts.starts[piece];
        self.pieces[piece].part(range.start - start..range.end - start)
    }

    /// How the numbers are stored.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Each of them.
    pub(super) fn each(&self) -> &[Piece] {
        &self.pieces
    }

    /// Where they are cut.
    pub(super) fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    /// Does `f` on the stream that the memory was made on, whichever thread this is.
    pub(super) fn on_its_stream<T>(&self, f: impl FnOnce() -> T) -> T {
        self.pieces[0].on_its_stream(f)
    }
}

/// The numbers of each piece, the last first: what is cut off at the end needs no copy of the rest.
fn split(mut values: Vec<f32>, cuts: &Cuts) -> impl Iterator<Item = Vec<f32>> {
    values.resize(cuts.len, 0.0);
    let starts: Vec<usize> = cuts.starts.iter().rev().copied().collect();
    starts.into_iter().map(move |start| match start {
        0 => std::mem::take(&mut values),
        _ => values.split_off(start),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_between_what_stays_together_and_as_late_as_they_may_be() {
        let wholes = [(0..100, 10), (128..200, 10), (256..300, 500), (320..330, 1)];
        let cut = |wholes: &[_], most| Cuts::new(wholes, most, Format::Single);
        let starts = |most| cut(&wholes, most).map(|cuts| cuts.starts);
        assert_eq!(starts(1000), Ok(vec![0]));
        assert_eq!(starts(519), Ok(vec![0, 256]), "other memory counts, too");
        assert_eq!(starts(499), Err(TooLarge::of(500, 499, Format::Single)));
        let alone = wholes.map(|(range, _)| (range, 0));
        let cuts = cut(&alone, 256).expect("cuts");
        let ranges: Vec<_> = cuts.ranges().collect();
        assert_eq!(ranges, [0..256, 256..384]);
        assert_eq!([0, 255, 256, 383].map(|i| cuts.holding(i)), [0, 0, 1, 1]);
        let too_large = Err(TooLarge::of(128, 127, Format::Single));
        assert_eq!(cut(&alone, 127), too_large);
    }
}
