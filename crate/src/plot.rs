//! What every plot shares: its size, its font, how its axes, lines and legend look, and the way from a drawing to a PNG.

use crate::picture::Raster;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
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

/// One axis of a plot: what it shows, its name, how its values are written, and the room for them in pixels.
pub(crate) struct Axis<'a, R> {
    pub(crate) range: R,
    pub(crate) name: &'a str,
    pub(crate) write: fn(&f64) -> String,
    pub(crate) room: u32,
}

/// A plot with axes, to which lines are added.
pub(crate) struct Chart<'a, 'b, X: Ranged, Y: Ranged>(
    ChartContext<'a, BitMapBackend<'b>, Cartesian2d<X, Y>>,
);

impl<'a, 'b: 'a, X, Y> Chart<'a, 'b, X, Y>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    /// # Errors
    /// What the drawing library says, as of all that follow.
    pub(crate) fn new<RX, RY>(
        area: &'a Area<'b>,
        x: Axis<'_, RX>,
        y: Axis<'_, RY>,
    ) -> Result<Self, Box<dyn Error>>
    where
        RX: AsRangedCoord<CoordDescType = X, Value = f64>,
        RY: AsRangedCoord<CoordDescType = Y, Value = f64>,
    {
        let mut context = ChartBuilder::on(area)
            .margin(16)
            .x_label_area_size(x.room)
            .y_label_area_size(y.room)
            .build_cartesian_2d(x.range, y.range)?;
        context
            .configure_mesh()
            .light_line_style(BLACK.mix(0.04))
            .bold_line_style(BLACK.mix(0.12))
            .label_style(("sans-serif", 15))
            .axis_desc_style(("sans-serif", 17))
            .x_desc(x.name)
            .y_desc(y.name)
            .x_label_formatter(&x.write)
            .y_label_formatter(&y.write)
            .draw()?;
        Ok(Self(context))
    }

    /// A line, and its name in the legend.
    pub(crate) fn line(
        &mut self,
        name: &str,
        style: impl Into<ShapeStyle>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Result<(), Box<dyn Error>> {
        let style = style.into();
        self.0
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        Ok(())
    }

    /// An upright bar from one value of y to another.
    pub(crate) fn bar(
        &mut self,
        x: f64,
        (low, high): (f64, f64),
        style: impl Into<ShapeStyle>,
    ) -> Result<(), Box<dyn Error>> {
        let bar = PathElement::new([(x, low), (x, high)], style);
        self.0.draw_series(std::iter::once(bar))?;
        Ok(())
    }

    /// The names of the lines, over what has been drawn.
    pub(crate) fn legend(&mut self) -> Result<(), Box<dyn Error>> {
        self.0
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 15))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .draw()?;
        Ok(())
    }
}
