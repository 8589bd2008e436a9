using System.Globalization;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>opentelemetry.proto.logs.v1.LogRecord.</summary>
internal sealed class OpenTelemetryRecordFormat(
    OpenTelemetryTemplate? body,
    (string Key, OpenTelemetryTemplate Value)[] attributes,
    IReadOnlyList<string> filterStateObjects,
    IReadOnlyList<LogTag> tags) : ILogEntryFormat
{
    private const int TimeField = 1;
    private const int BodyField = 5;
    private const int AttributesField = 6;
    private const int TraceIdField = 9;

    // OTLP takes trace ids of 16 bytes only; a tracer of 8 bytes has the other half zero.
    private const int TraceIdBytes = 16;

    private readonly string[] _filterStateObjects = [.. filterStateObjects];
    private readonly LogTag[] _tags = [.. tags];

    public void Write(WireWriter writer, in FormatSource source)
    {
        StreamInfo info = source.Info;
        long ticks = info.StartTime.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        writer.Fixed64(TimeField, (ulong)(ticks * TimeSpan.NanosecondsPerTick));
        body?.Write(writer, BodyField, in source);
        OpenTelemetryTemplate.WriteMembers(writer, AttributesField, attributes, in source);
        FilterState(writer, info);
        Tags(writer, in source);
        TraceId(writer, info.TraceId);
    }

    private void FilterState(WireWriter writer, StreamInfo info)
    {
        if (info.FilterState is not { } state)
        {
            return;
        }

        foreach (string name in _filterStateObjects)
        {
            if (state.Get(name)?.PlainText is { } text)
            {
                var starts = OpenTelemetryTemplate.BeginText(writer, AttributesField, name);
                JsonText.AppendQuoted(writer.Output, text);
                OpenTelemetryTemplate.EndText(writer, starts);
            }
        }
    }

    private void Tags(WireWriter writer, in FormatSource source)
    {
        foreach (LogTag tag in _tags)
        {
            int before = writer.Output.Length;
            var starts = OpenTelemetryTemplate.BeginText(writer, AttributesField, tag.Name);
            if (tag.AppendValue(writer.Output, in source))
            {
                OpenTelemetryTemplate.EndText(writer, starts);
            }
            else
            {
                writer.Output.Rewind(before);
            }
        }
    }

    private static void TraceId(WireWriter writer, string? hexadecimal)
    {
        if (hexadecimal is null || (hexadecimal.Length != TraceIdBytes && hexadecimal.Length != 2 * TraceIdBytes))
        {
            return;
        }

        Span<byte> id = stackalloc byte[TraceIdBytes];
        id.Clear();
        int bytes = hexadecimal.Length / 2;
        for (int i = 0; i < bytes; i++)
        {
            if (!byte.TryParse(hexadecimal.AsSpan(2 * i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                return;
            }

            id[TraceIdBytes - bytes + i] = value;
        }

        writer.Bytes(TraceIdField, id);
    }
}
