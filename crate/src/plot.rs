//! What every plot shares: its size, its font, and the way from a drawing to a PNG.

use crate::picture::Raster;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use std::error::Error;
use std::sync::OnceLock;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;

/// What a plot is drawn on: white, 960 x 540.
pub(crate) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// What `draw` draws, as the bytes of a PNG.
///
/// # Errors
/// What the drawing library says.
pub(crate) fn plot_png(
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn Error>>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    // A font of our own, so that a plot looks the same on machines without any.
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| {
        register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular()).is_ok()
    });
    if !registered {
        return Err("its font cannot be read".into());
    }
    let mut rgb = vec![255; (WIDTH * HEIGHT * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut rgb, (WIDTH, HEIGHT)).into_drawing_area();
        area.fill(&WHITE)?;
        draw(&area)?;
        area.present()?;
    }
    let raster = Raster {
        width: WIDTH as usize,
        height: HEIGHT as usize,
        channels: 3,
        pixels: rgb,
    };
    Ok(raster.to_png()?)
}
