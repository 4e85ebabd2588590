/**
 * Tenon: a multi-tenant media engine in one library. {@link io.tenon.Engine} is where everything begins.
 *
 * <p>What is long is a {@link io.tenon.Job}: join it, take its {@link io.tenon.Job#future() future}, listen to its
 * {@link io.tenon.Job#onProgress progress}. News is pulled from {@link io.tenon.EventStream} or published from it. Failures are
 * {@link io.tenon.TenonException}s.
 *
 * <p>Any object may be used from any thread. Closing what is {@link java.lang.AutoCloseable} may happen twice, in any order and
 * during a call; what is used after it was closed throws {@link io.tenon.ClosedException}.
 */
package io.tenon;
