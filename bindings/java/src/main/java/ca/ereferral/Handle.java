package ca.ereferral;

import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.function.LongToIntFunction;

/** What the objects of this package share: a counted reference to one of the C library's, in use during each call and no longer. */
abstract class Handle implements AutoCloseable {
    private final NativeRef ref;
    private final long pointer;

    /** An object of its own, freed with {@code free}. */
    Handle(long pointer, LongConsumer free) {
        this.pointer = pointer;
        ref = new NativeRef(this, pointer, free);
    }

    /** A part of another object, which ends with that one. */
    Handle(Handle owner, long pointer) {
        this.pointer = pointer;
        ref = owner.ref;
    }

    /** Calls with the C object. */
    final <T> T with(LongFunction<T> call) {
        ref.acquire();
        try {
            return call.apply(pointer);
        } finally {
            ref.release();
        }
    }

    /** Calls with the C object, without a result. */
    final void run(LongConsumer call) {
        ref.acquire();
        try {
            call.accept(pointer);
        } finally {
            ref.release();
        }
    }

    /** Asks the C object for a number. */
    final int number(LongToIntFunction call) {
        ref.acquire();
        try {
            return call.applyAsInt(pointer);
        } finally {
            ref.release();
        }
    }

    /** Asks the C object for a text; null when there is none. */
    final String text(LongFunction<byte[]> call) {
        return Utf8.text(with(call));
    }

    /** Frees the C object, after the calls that are using it; a second time does nothing. */
    @Override
    public void close() {
        ref.close();
    }
}
