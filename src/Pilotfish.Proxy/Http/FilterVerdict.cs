namespace Pilotfish.Proxy.Http;

/// <summary>What a filter wants done with the headers, data or trailers that it was shown.</summary>
public enum FilterVerdict : byte
{
    /// <summary>Pass them on.</summary>
    Continue,

    /// <summary>
    /// Hold them and everything after them, without showing this filter more, until it resumes. Reading stops when the buffer limit is reached.
    /// </summary>
    Pause,

    /// <summary>Hold them and go on showing this filter what arrives. A body beyond the limit ends in 413 (response: 500).</summary>
    Buffer,

    /// <summary>As <see cref="Buffer"/>, but reading stops at the limit instead of failing.</summary>
    Watermark,
}
