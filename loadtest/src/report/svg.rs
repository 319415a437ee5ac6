//! Plots as SVG, small enough to stand inside a page. Colours come from the page's own styles.

/// One line of a plot.
pub struct Series<'a> {
    pub name: &'a str,
    /// In order of the first of each pair.
    pub points: Vec<(f64, f64)>,
    pub colour: &'a str,
}

/// How the values of an axis are told.
pub type Unit<'a> = &'a dyn Fn(f64) -> String;

pub struct Plot<'a> {
    pub title: &'a str,
    pub series: Vec<Series<'a>>,
    pub x: Unit<'a>,
    pub y: Unit<'a>,
    /// The vertical axis in steps of equal ratio.
    pub log: bool,
}

impl Plot<'_> {
    pub fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        if points().next().is_none() {
            return String::new();
        }
        let high_x = points().map(|point| point.0).fold(f64::MIN, f64::max);
        let low_x = points().map(|point| point.0).fold(f64::MAX, f64::min);
        let high_y = points().map(|point| point.1).fold(0.0, f64::max).max(1e-9) * 1.05;
        let least = points().map(|point| point.1).filter(|y| *y > 0.0).fold(high_y, f64::min);
        let low_y = if self.log { least * 0.9 } else { 0.0 };
        let at_x = |x: f64| LEFT + (x - low_x) / (high_x - low_x).max(1e-9) * WIDTH;
        let at_y = |y: f64| {
            let part = if self.log {
                (y.max(low_y) / low_y).ln() / (high_y / low_y).ln().max(1e-9)
            } else {
                y / high_y
            };
            TOP + HEIGHT * (1.0 - part)
        };
        let (width, height) = (LEFT + WIDTH + 20.0, TOP + HEIGHT + 28.0);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"sans-serif\" \
             font-size=\"11\"><title>{0}</title><text x=\"{LEFT}\" y=\"14\" font-weight=\"bold\">\
             {0}</text>\n",
            escape(self.title)
        );
        for step in 0..=4 {
            let part = f64::from(step) / 4.0;
            let y = if self.log { low_y * (high_y / low_y).powf(part) } else { high_y * part };
            let (at, label) = (at_y(y), escape(&(self.y)(y)));
            out.push_str(&format!(
                "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#8884\"/><text x=\"{:.1}\" \
                 y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                LEFT + WIDTH,
                LEFT - 6.0,
                at + 4.0
            ));
            let x = low_x + (high_x - low_x) * part;
            out.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                at_x(x),
                TOP + HEIGHT + 16.0,
                escape(&(self.x)(x))
            ));
        }
        for (index, series) in self.series.iter().enumerate() {
            out.push_str(&series.path(&at_x, &at_y));
            out.push_str(&format!(
                "<text x=\"{:.1}\" y=\"14\" text-anchor=\"end\" fill=\"{}\">{}</text>\n",
                LEFT + WIDTH - 70.0 * (self.series.len() - 1 - index) as f64,
                series.colour,
                escape(series.name)
            ));
        }
        out.push_str("</svg>\n");
        out
    }
}

impl Series<'_> {
    fn path(&self, at_x: &dyn Fn(f64) -> f64, at_y: &dyn Fn(f64) -> f64) -> String {
        let mut path = String::new();
        for (index, &(x, y)) in self.points.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            path.push_str(&format!("{letter}{:.1} {:.1}", at_x(x), at_y(y)));
        }
        let dot = if self.points.len() == 1 { " stroke-linecap=\"round\"" } else { "" };
        format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{dot}/>\n",
            self.colour
        )
    }
}

/// What a server or a user made up does not become markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

const LEFT: f64 = 64.0;
const TOP: f64 = 28.0;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
