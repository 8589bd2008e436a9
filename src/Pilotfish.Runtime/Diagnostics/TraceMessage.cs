using System.Runtime.CompilerServices;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>The interpolated text of Log.Trace: costs a comparison while the level is off.</summary>
[InterpolatedStringHandler]
public ref struct TraceMessage
{
    internal LogMessage Inner;

    public TraceMessage(int literalLength, int formattedCount, LogComponent component, out bool isEnabled) =>
        Inner = new LogMessage(literalLength, formattedCount, LogLevel.Trace, component, out isEnabled);

    public void AppendLiteral(string value) => Inner.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => Inner.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => Inner.AppendFormatted(value, format);

    public void AppendFormatted(ReadOnlySpan<char> value) => Inner.AppendFormatted(value);
}
