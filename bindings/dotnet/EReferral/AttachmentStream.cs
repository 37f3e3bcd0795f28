using System;
using System.IO;

namespace EReferral
{
    /// <summary>Reads an attachment of a message from its beginning to its end.</summary>
    internal sealed unsafe class AttachmentStream : Stream
    {
        private readonly Notification message;
        private readonly UIntPtr index;
        private ulong at;

        internal AttachmentStream(Notification message, int index)
        {
            this.message = message;
            this.index = (UIntPtr)(uint)index;
        }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => (long)at;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (buffer == null) throw new ArgumentNullException(nameof(buffer));
            if (offset < 0 || count < 0 || count > buffer.Length - offset) throw new ArgumentOutOfRangeException(nameof(count));
            if (count == 0) return 0;
            fixed (byte* data = &buffer[offset])
            {
                EReferralException.Check(NativeMethods.eref_message_attachment_read(message.Handle, index, (UIntPtr)at, data,
                    (UIntPtr)(uint)count, out UIntPtr read, out IntPtr error), error);
                at += (ulong)read;
                return (int)read;
            }
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
