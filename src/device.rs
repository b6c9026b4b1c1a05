//! The processor that computes: a GPU through wgpu, or the CPU.

use burn::tensor::Device;
#[cfg(feature = "gpu")]
use burn::tensor::wgpu::WgpuSetup;

/// Why no GPU could be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// wgpu found no adapter, or the adapter refused.
    #[error("no usable GPU: {0}")]
    NoGpu(String),
}

/// The CPU, through burn's pure-Rust backend.
#[cfg(feature = "cpu")]
pub fn cpu() -> Device {
    Device::flex()
}

/// The GPU that the system prefers for heavy work, through wgpu: WebGPU in the browser; Vulkan,
/// Metal, DirectX 12 or, where there is none of these, OpenGL natively.
///
/// It is opened once a process, and stays open.
///
/// # Errors
/// [`DeviceError::NoGpu`] when there is no adapter, or it lacks what is needed.
#[cfg(feature = "gpu")]
pub async fn gpu() -> Result<Device, DeviceError> {
    // burn refuses to open a device twice.
    if let Some((device, _)) = OPEN.get() {
        return Ok(device.clone());
    }
    // Large batches of launches a submission: a stylization is one long chain, and every
    // submission costs a round trip in the browser.
    let opened = Device::wgpu_options()
        .tasks_max(64)
        .init_with_setup_async()
        .await
        .map_err(|error| DeviceError::NoGpu(error.to_string()))?;
    Ok(OPEN.get_or_init(|| opened).0.clone())
}

#[cfg(feature = "gpu")]
static OPEN: std::sync::OnceLock<(Device, WgpuSetup)> = std::sync::OnceLock::new();

/// wgpu handles of what [`gpu`] opened, for work outside burn.
#[cfg(feature = "gpu")]
pub fn gpu_setup() -> Option<&'static WgpuSetup> {
    OPEN.get().map(|(_, setup)| setup)
}
