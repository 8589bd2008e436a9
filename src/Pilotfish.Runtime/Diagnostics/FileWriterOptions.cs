namespace Pilotfish.Runtime.Diagnostics;

/// <summary>How a writer thread gathers.</summary>
public sealed record FileWriterOptions
{
    /// <summary>Per half. What comes while both halves are full is dropped and counted.</summary>
    public int BufferBytes { get; init; } = 1024 * 1024;

    /// <summary>Gathered bytes that wake the writer before its interval is over.</summary>
    public int FlushBytesMin { get; init; } = 64 * 1024;

    /// <summary>The longest that bytes stay in memory.</summary>
    public TimeSpan FlushInterval { get; init; } = TimeSpan.FromSeconds(1);
}
