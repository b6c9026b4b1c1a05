//! Paintings that are shown without leaving the GPU.

use burn::backend::{BackendTensor, DispatchTensor, DispatchTensorKind};
use burn::tensor::Tensor;
use burn_cubecl::cubecl;
use burn_cubecl::tensor::CubeTensor;
use cubecl::wgpu::{AutoCompiler, WgpuServer, WgpuSetup, wgpu};
pub use wgpu::SurfaceTarget;

use super::colours;

/// A triangle over the whole picture, and for each pixel its colour as `pack` wrote it.
const SHADER: &str = "
@group(0) @binding(0) var<storage, read> packed: array<f32>;
@group(0) @binding(1) var<uniform> width: u32;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    return vec4f(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

@fragment
fn colour(@builtin(position) at: vec4f) -> @location(0) vec4f {
    let pixel = u32(packed[u32(at.y) * width + u32(at.x)]);
    return unpack4x8unorm(pixel | 0xff000000u);
}
";

/// Why a painting could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The canvas is of no use to this GPU.
    #[error("the GPU cannot draw to the canvas: {0}")]
    Canvas(String),
    /// The painting cannot be reached.
    #[error("the painting is not on the GPU: {0}")]
    Painting(String),
}

/// A canvas that the GPU draws to.
#[derive(Debug)]
pub struct Screen {
    surface: wgpu::Surface<'static>,
    brush: Brush,
}

impl Screen {
    /// On the GPU that [`device::gpu`](crate::device::gpu) opened.
    ///
    /// # Errors
    /// [`ScreenError::Canvas`] where that GPU cannot draw to the canvas.
    pub fn new(canvas: SurfaceTarget<'static>, setup: &WgpuSetup) -> Result<Self, ScreenError> {
        let wrong = |what: &dyn std::fmt::Display| ScreenError::Canvas(what.to_string());
        let surface = setup.instance.create_surface(canvas).map_err(|error| wrong(&error))?;
        let formats = surface.get_capabilities(&setup.adapter).formats;
        // Levels are what the pixels have already: nothing may be made of them as if they were light.
        let format = formats.into_iter().find(|format| {
            matches!(format, wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Rgba8Unorm)
        });
        let format = format.ok_or_else(|| wrong(&"it has no format of 8 bits"))?;
        Ok(Self { surface, brush: Brush::new(setup, format) })
    }

    /// Shows a picture as [`pack`](crate::kernels::pack) makes it, `[1, 1, height, width]`, of which
    /// [`faults`] found none. The canvas takes its size.
    ///
    /// # Errors
    /// See [`ScreenError`].
    pub fn show(&self, packed: Tensor<4>) -> Result<(), ScreenError> {
        let [_, _, height, width] = packed.dims().map(|side| side as u32);
        let current = self.surface.get_configuration();
        if current.is_none_or(|current| (current.width, current.height) != (width, height)) {
            self.surface.configure(
                &self.brush.device,
                &wgpu::SurfaceConfiguration {
                    usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
                    format: self.brush.format,
                    color_space: wgpu::SurfaceColorSpace::Auto,
                    width,
                    height,
                    present_mode: wgpu::PresentMode::AutoVsync,
                    desired_maximum_frame_latency: 2,
                    alpha_mode: wgpu::CompositeAlphaMode::Opaque,
                    view_formats: Vec::new(),
                },
            );
        }
        use wgpu::CurrentSurfaceTexture::{Suboptimal, Success};
        match self.surface.get_current_texture() {
            Success(texture) | Suboptimal(texture) => {
                self.brush.draw(packed, &texture.texture)?;
                self.brush.queue.present(texture);
                Ok(())
            }
            other => Err(ScreenError::Canvas(format!("{other:?}"))),
        }
    }
}

/// Whatever draws pictures to textures.
#[derive(Debug)]
struct Brush {
    device: wgpu::Device,
    queue: wgpu::Queue,
    format: wgpu::TextureFormat,
    pipeline: wgpu::RenderPipeline,
    width: wgpu::Buffer,
}

impl Brush {
    fn new(setup: &WgpuSetup, format: wgpu::TextureFormat) -> Self {
        let device = &setup.device;
        let shader = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: None,
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: None,
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: Default::default(),
            depth_stencil: None,
            multisample: Default::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: None,
                compilation_options: Default::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let width = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let (device, queue) = (device.clone(), setup.queue.clone());
        Self { device, queue, format, pipeline, width }
    }

    fn draw(&self, packed: Tensor<4>, texture: &wgpu::Texture) -> Result<(), ScreenError> {
        let wrong = |what: &dyn std::fmt::Debug| ScreenError::Painting(format!("{what:?}"));
        let width = packed.dims()[3] as u32;
        let packed = on_gpu(packed.into_dispatch())?;
        let client = packed.client.clone();
        let memory = client
            .get_resource::<WgpuServer<AutoCompiler>>(packed.handle)
            .map_err(|error| wrong(&error))?;
        // What computes it has to be in the queue before what shows it.
        client.flush().map_err(|error| wrong(&error))?;
        self.queue.write_buffer(&self.width, 0, &width.to_le_bytes());
        let bindings = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: memory.resource().as_wgpu_bind_resource(),
                },
                wgpu::BindGroupEntry { binding: 1, resource: self.width.as_entire_binding() },
            ],
        });
        let view = texture.create_view(&Default::default());
        let mut commands = self.device.create_command_encoder(&Default::default());
        let mut pass = commands.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        self.queue.submit([commands.finish()]);
        Ok(())
    }
}

fn on_gpu(tensor: DispatchTensor) -> Result<CubeTensor, ScreenError> {
    match tensor.kind {
        DispatchTensorKind::Cube(tensor) => Ok(tensor.float()),
        #[allow(unreachable_patterns)]
        _ => Err(ScreenError::Painting("it is elsewhere".to_owned())),
    }
}

/// Values of which one is below 0 if, and only if, a pixel of a picture as
/// [`pack`](crate::kernels::pack) makes it is not a number; much fewer than there are pixels.
///
/// # Errors
/// [`ScreenError::Painting`] where the picture is not on a GPU.
pub fn faults(packed: Tensor<4>) -> Result<Tensor<4>, ScreenError> {
    let packed = packed.into_dispatch();
    let autodiff = packed.autodiff;
    let found = colours::faults(on_gpu(packed)?);
    let kind = DispatchTensorKind::Cube(BackendTensor::Float(found));
    Ok(Tensor::from_dispatch(DispatchTensor { kind, autodiff }))
}

#[cfg(all(test, feature = "cli", feature = "cpu"))]
mod tests {
    use super::*;
    use crate::kernels::tests::{gpu, random_levels};

    /// The levels of a texture's red, green, blue and opacity.
    fn levels(brush: &Brush, texture: &wgpu::Texture) -> Vec<u8> {
        let wgpu::Extent3d { width, height, .. } = texture.size();
        let line = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = brush.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(line * height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut commands = brush.device.create_command_encoder(&Default::default());
        commands.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    bytes_per_row: Some(line),
                    ..Default::default()
                },
            },
            texture.size(),
        );
        brush.queue.submit([commands.finish()]);
        buffer.slice(..).map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
        brush.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let mapped = buffer.slice(..).get_mapped_range().unwrap();
        mapped
            .chunks_exact(line as usize)
            .flat_map(|line| &line[..4 * width as usize])
            .copied()
            .collect()
    }

    #[test]
    fn pictures_are_shown_as_they_are() {
        let Some(device) = gpu() else { return };
        let brush =
            Brush::new(crate::device::gpu_setup().unwrap(), wgpu::TextureFormat::Rgba8Unorm);
        for (height, width) in [(1, 1), (5, 7), (64, 64), (3, 300)] {
            let packed = random_levels(height, width);
            let texture = brush.device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d {
                    width: width as u32,
                    height: height as u32,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: brush.format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            // Work that is still to be submitted when the painting is drawn.
            let on_device = packed.clone().to_device(&device) + 0.0;
            brush.draw(on_device, &texture).unwrap();
            let expected: Vec<u8> = packed
                .into_data()
                .iter::<f32>()
                .flat_map(|pixel| (pixel as u32 | 0xff00_0000).to_le_bytes())
                .collect();
            assert_eq!(levels(&brush, &texture), expected, "{width} x {height}");
        }
    }

    #[test]
    fn faults_are_found_wherever_they_are() {
        let Some(device) = gpu() else { return };
        let seen = |packed: Tensor<4>| {
            let found = faults(packed.to_device(&device)).unwrap().into_data();
            found.iter::<f32>().filter(|&value| value < 0.0).count()
        };
        let whole = random_levels(70, 81);
        assert_eq!(seen(whole.clone()), 0);
        for (y, x) in [(0, 0), (69, 80), (50, 46)] {
            let bad = whole.clone().slice_fill([0..1, 0..1, y..y + 1, x..x + 1], -1.0);
            assert_eq!(seen(bad), 1, "at {x}, {y}");
        }
        let elsewhere = faults(whole).unwrap_err();
        assert!(matches!(elsewhere, ScreenError::Painting(_)), "{elsewhere}");
    }
}
