//! SVG to PNG.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

/// How many pixels of the PNG a pixel of the SVG becomes, to either side.
const SCALE: f32 = 2.0;

/// The one font: every machine draws the same picture, also one that has no fonts.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    let family = fonts.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
    fonts.set_sans_serif_family(family.unwrap_or_default());
    Arc::new(fonts)
});

/// The PNG of a picture of [`chart::svg`](crate::chart::svg), at twice its size.
pub(super) fn from_svg(svg: &str) -> Vec<u8> {
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let tree = Tree::from_str(svg, &options).expect("the project's own pictures are SVG");
    let size = tree.size().to_int_size().scale_by(SCALE).expect("pictures have a size");
    let mut pixels = Pixmap::new(size.width(), size.height()).expect("pictures have a size");
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().expect("encoding into memory cannot fail")
}
