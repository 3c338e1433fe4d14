//! What commands that compute on a device have in common.

use regnet::Products;

/// The CPU rounds no products.
pub fn on_cuda_only(products: Products) -> anyhow::Result<()> {
    anyhow::ensure!(
        products == Products::F32,
        "--products {products} is a format of CUDA's: leave it out, or say --device cuda"
    );
    Ok(())
}

/// What a device's error says.
pub fn failed(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow::anyhow!("the device does not work: {error:?}")
}
