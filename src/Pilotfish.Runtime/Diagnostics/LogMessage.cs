using System.Runtime.CompilerServices;

namespace Pilotfish.Runtime.Diagnostics;

/// <summary>Interpolated log text that is only built when the level is enabled. Made by the compiler for the methods of Log.</summary>
[InterpolatedStringHandler]
public ref struct LogMessage
{
    private DefaultInterpolatedStringHandler _text;

    public LogMessage(int literalLength, int formattedCount, LogLevel level, LogComponent component, out bool isEnabled)
    {
        IsEnabled = isEnabled = component.IsEnabled(level);
        _text = isEnabled ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    internal bool IsEnabled { get; }

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public void AppendFormatted(ReadOnlySpan<char> value) => _text.AppendFormatted(value);

    internal string Take() => _text.ToStringAndClear();
}
