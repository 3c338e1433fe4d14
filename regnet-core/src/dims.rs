//! Dimensions: what is known at compile time, what only at run time, and how strides act on them.

use dfdx::prelude::*;

use crate::peek::peek;

/// A number that configures a layer (channels, group width, kernel size, stride): `Const<N>` in declared
/// networks, `usize` in networks that are only known at run time. One implementation of each block serves both.
pub trait LayerDim: Dim {
    /// The dimension as it appears in the shapes of parameters.
    ///
    /// dfdx builds parameters only of shapes that have a default, so a `usize` appears there as [`Dyn`].
    type Param: ConstDim;

    /// The value that `read` finds in the module that `visitor` walks over. A type that decides the value
    /// itself does not look; where there is no module to look into, a `usize` is 1.
    ///
    /// # Errors
    /// The visitor's.
    fn seen<M, E, D, V>(visitor: &mut V, read: impl Fn(&M) -> Self) -> Result<Self, V::Err>
    where
        M: TensorCollection<E, D>,
        E: Dtype,
        D: Device<E>,
        V: ModuleVisitor<M, E, D>;

    /// The same number as a parameter dimension.
    fn param(self) -> Self::Param;
}

impl<const N: usize> LayerDim for Const<N> {
    type Param = Self;

    fn seen<M, E, D, V>(_: &mut V, _: impl Fn(&M) -> Self) -> Result<Self, V::Err>
    where
        M: TensorCollection<E, D>,
        E: Dtype,
        D: Device<E>,
        V: ModuleVisitor<M, E, D>,
    {
        Ok(Self)
    }

    fn param(self) -> Self {
        self
    }
}

impl LayerDim for usize {
    type Param = Dyn;

    fn seen<M, E, D, V>(visitor: &mut V, read: impl Fn(&M) -> Self) -> Result<Self, V::Err>
    where
        M: TensorCollection<E, D>,
        E: Dtype,
        D: Device<E>,
        V: ModuleVisitor<M, E, D>,
    {
        Ok(peek(visitor, read)?.unwrap_or(1))
    }

    fn param(self) -> Dyn {
        Dyn(self)
    }
}

/// A parameter dimension that is only known at run time.
///
/// It stands where dfdx asks for a [`ConstDim`]; its default is 0, so that a run-time-shaped layer that dfdx
/// builds from its type alone is empty. Such layers are built by their own constructors.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Dyn(pub usize);

impl Dim for Dyn {
    fn size(&self) -> usize {
        self.0
    }

    fn from_size(size: usize) -> Option<Self> {
        Some(Self(size))
    }
}

impl ConstDim for Dyn {
    const SIZE: usize = 0;
}

/// A height or width on which a "same"-padded layer of stride `Stride` can run.
///
/// Stride 1 leaves it alone; stride 2 maps `Const<N>` to `Const<ceil(N / 2)>`, for N up to 1024, and `usize`
/// to `usize`. This one trait replaces the constant arithmetic that stable Rust lacks.
#[diagnostic::on_unimplemented(
    message = "a static height or width of `{Self}` cannot be halved by a stride of `{Stride}`",
    label = "this resolution is outside what strides are defined for",
    note = "static resolutions run from 1 to 1024; for others use `usize` for the height and the width"
)]
pub trait Strided<Stride>: Dim {
    /// The height or width after the layer.
    type Out: Dim;
}

impl<D: Dim> Strided<Const<1>> for D {
    type Out = D;
}

#[diagnostic::do_not_recommend]
impl Strided<Const<2>> for usize {
    type Out = usize;
}

#[diagnostic::do_not_recommend]
impl Strided<usize> for usize {
    type Out = usize;
}

/// The channels that a layer's input must have: only equal dimensions match.
#[diagnostic::on_unimplemented(
    message = "expected an input of `{Expected}` channels, found `{Self}`",
    label = "the channels of this input do not match the layer it enters",
    note = "shapes are (batch, channels, height, width); the channels of an input must equal those the layer \
            was declared with"
)]
pub trait Matches<Expected> {}

impl<D: Dim> Matches<D> for D {}

macro_rules! halve {
    ($($odd:literal)*) => { $(
        #[diagnostic::do_not_recommend]
        impl Strided<Const<2>> for Const<{ 2 * $odd - 1 }> {
            type Out = Const<$odd>;
        }
        #[diagnostic::do_not_recommend]
        impl Strided<Const<2>> for Const<{ 2 * $odd }> {
            type Out = Const<$odd>;
        }
    )* };
}

#[rustfmt::skip]
halve! {
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24
    25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48
    49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72
    73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96
    97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120
    121 122 123 124 125 126 127 128 129 130 131 132 133 134 135 136 137 138 139 140 141 142 143 144
    145 146 147 148 149 150 151 152 153 154 155 156 157 158 159 160 161 162 163 164 165 166 167 168
    169 170 171 172 173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188 189 190 191 192
    193 194 195 196 197 198 199 200 201 202 203 204 205 206 207 208 209 210 211 212 213 214 215 216
    217 218 219 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240
    241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 259 260 261 262 263 264
    265 266 267 268 269 270 271 272 273 274 275 276 277 278 279 280 281 282 283 284 285 286 287 288
    289 290 291 292 293 294 295 296 297 298 299 300 301 302 303 304 305 306 307 308 309 310 311 312
    313 314 315 316 317 318 319 320 321 322 323 324 325 326 327 328 329 330 331 332 333 334 335 336
    337 338 339 340 341 342 343 344 345 346 347 348 349 350 351 352 353 354 355 356 357 358 359 360
    361 362 363 364 365 366 367 368 369 370 371 372 373 374 375 376 377 378 379 380 381 382 383 384
    385 386 387 388 389 390 391 392 393 394 395 396 397 398 399 400 401 402 403 404 405 406 407 408
    409 410 411 412 413 414 415 416 417 418 419 420 421 422 423 424 425 426 427 428 429 430 431 432
    433 434 435 436 437 438 439 440 441 442 443 444 445 446 447 448 449 450 451 452 453 454 455 456
    457 458 459 460 461 462 463 464 465 466 467 468 469 470 471 472 473 474 475 476 477 478 479 480
    481 482 483 484 485 486 487 488 489 490 491 492 493 494 495 496 497 498 499 500 501 502 503 504
    505 506 507 508 509 510 511 512
}
