namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>The compression of one body. Loop-affine; disposed by who made it.</summary>
internal abstract class BodyCompressor : IDisposable
{
    /// <summary>Everything given so far can be read by the receiver afterwards.</summary>
    /// <param name="data">The next bytes of the body; may be empty.</param>
    /// <param name="end">Whether they are the last: nothing may be given afterwards.</param>
    public abstract void Compress(ReadOnlySpan<byte> data, bool end);

    public abstract void Dispose();
}
