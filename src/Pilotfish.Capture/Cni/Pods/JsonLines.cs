namespace Pilotfish.Capture.Cni.Pods;

/// <summary>Cuts a stream into lines, as the Kubernetes API sends the events of a watch.</summary>
internal static class JsonLines
{
    /// <summary>etcd keeps objects of at most 1.5 MiB; as JSON, with managed fields, some are larger.</summary>
    internal const int LineBytesMax = 16 * 1024 * 1024;

    private const int FirstBytes = 64 * 1024;
    private const byte LineEnd = (byte)'\n';

    /// <param name="stream">Read to its end.</param>
    /// <param name="onLine">Gets each line without its end; its bytes are good for the call only. Empty ones are left out.</param>
    /// <param name="cancellation">Ends a wait for more.</param>
    /// <exception cref="IOException">The stream fails, or a line is too long.</exception>
    public static void Read(Stream stream, Action<ReadOnlyMemory<byte>> onLine, CancellationToken cancellation)
    {
        byte[] buffer = new byte[FirstBytes];
        int filled = 0;
        while (true)
        {
            if (filled == buffer.Length)
            {
                if (buffer.Length >= LineBytesMax)
                {
                    throw new IOException($"an event has more than {LineBytesMax} bytes");
                }

                Array.Resize(ref buffer, buffer.Length * 2);
            }

            // Asynchronous, so that the wait can be cancelled; this thread has nothing else to do.
            int read = stream.ReadAsync(buffer.AsMemory(filled), cancellation).AsTask().GetAwaiter().GetResult();
            if (read == 0)
            {
                // What came without its line's end is half an event; the watch goes on from the one before.
                return;
            }

            filled += read;
            int begin = 0;
            int end;
            while ((end = buffer.AsSpan(begin, filled - begin).IndexOf(LineEnd)) >= 0)
            {
                if (end > 0)
                {
                    onLine(buffer.AsMemory(begin, end));
                }

                begin += end + 1;
            }

            buffer.AsSpan(begin, filled - begin).CopyTo(buffer);
            filled -= begin;
        }
    }
}
