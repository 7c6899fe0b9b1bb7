//! How images are converted before a network sees them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How images are made ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preparation {
    /// The colour behind transparent parts and around padded images.
    pub background: Background,
    /// How images of another size are fitted; `None` pads those that are smaller and crops the others.
    pub fit: Option<Fit>,
    /// Leaves out files that cannot be read, instead of refusing them all.
    pub skip_broken: bool,
}

/// A colour, red, green and blue; white by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Background(pub [u8; 3]);

impl Default for Background {
    fn default() -> Self {
        Self([255; 3])
    }
}

impl FromStr for Background {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = match text {
            "white" => "ffffff",
            "black" => "000000",
            other => other.strip_prefix('#').unwrap_or_default(),
        };
        let number = u32::from_str_radix(digits, 16).ok();
        let six = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match number.filter(|_| six) {
            Some(number) => Ok(Self([16, 8, 0].map(|shift| (number >> shift) as u8))),
            None => Err(format!(
                "`{text}` is not a colour; use white, black or #rrggbb"
            )),
        }
    }
}

impl std::fmt::Display for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [255, 255, 255] => f.write_str("white"),
            [0, 0, 0] => f.write_str("black"),
            [red, green, blue] => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

/// How an image of another size than the network's is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it is kept, within a border; a larger one is shrunk first.
    Pad,
    /// Its middle is cut out and resized.
    Crop,
    /// It is resized, each side by itself.
    Stretch,
}

impl Fit {
    /// Every way, for the command line.
    pub const ALL: [Self; 3] = [Self::Pad, Self::Crop, Self::Stretch];
}

impl Preparation {
    /// How an image of the size `from`, which is not `to`, is fitted. Both are `[height, width]`.
    pub(super) fn fit_of(&self, from: [usize; 2], to: [usize; 2]) -> Fit {
        let smaller = from.iter().zip(&to).all(|(from, to)| from <= to);
        self.fit
            .unwrap_or(if smaller { Fit::Pad } else { Fit::Crop })
    }
}

impl FromStr for Fit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fit| fit.to_string() == text);
        found.ok_or_else(|| format!("`{text}` is not known; use pad, crop or stretch"))
    }
}

impl std::fmt::Display for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pad => "pad",
            Self::Crop => "crop",
            Self::Stretch => "stretch",
        })
    }
}
