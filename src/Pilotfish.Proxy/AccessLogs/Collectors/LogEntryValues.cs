using Pilotfish.Proxy.Streams;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>Values that log entries share: google.protobuf.Timestamp, Duration and Struct, envoy.config.core.v3.Address and Metadata.</summary>
internal static class LogEntryValues
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    // A struct from the network nests as deep as its sender liked; deeper than this no receiver reads it.
    private const int StructDepthMax = 64;

    public static void Timestamp(WireWriter writer, int field, DateTimeOffset time)
    {
        long ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        long seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out long rest);
        int start = writer.Begin(field);
        writer.Number(1, seconds);
        writer.Number(2, rest * TimeSpan.NanosecondsPerTick);
        writer.End(start);
    }

    public static void Duration(WireWriter writer, int field, long nanoseconds)
    {
        long seconds = Math.DivRem(nanoseconds, NanosecondsPerSecond, out long rest);
        int start = writer.Begin(field);
        writer.Number(1, seconds);
        writer.Number(2, rest);
        writer.End(start);
    }

    /// <summary>Writes nothing for an absent address.</summary>
    public static void Address(WireWriter writer, int field, in NetAddress address)
    {
        if (address.IsNone)
        {
            return;
        }

        int start = writer.Begin(field);
        if (address.IsIp)
        {
            int socket = writer.Begin(1);
            int text = writer.Begin(2);
            address.TryFormatIp(writer.Output.Reserve(NetAddress.FormattedIpBytesMax), out int written);
            writer.Output.Advance(written);
            writer.End(text);
            writer.Member(3, address.Port);
            writer.End(socket);
        }
        else
        {
            int pipe = writer.Begin(2);
            writer.Text(1, address.UnixPath);
            writer.End(pipe);
        }

        writer.End(start);
    }

    /// <summary>Writes nothing for metadata without namespaces.</summary>
    public static void Metadata(WireWriter writer, int field, DynamicMetadata? metadata)
    {
        if (metadata is null || metadata.Entries.Count == 0)
        {
            return;
        }

        int start = writer.Begin(field);
        foreach (KeyValuePair<string, MetadataValue> space in metadata.Entries)
        {
            int entry = writer.Begin(1);
            writer.Text(1, space.Key);
            int fields = writer.Begin(2);
            StructFields(writer, space.Value, 0);
            writer.End(fields);
            writer.End(entry);
        }

        writer.End(start);
    }

    private static void StructFields(WireWriter writer, MetadataValue value, int depth)
    {
        for (int i = 0; i < value.Fields.Count; i++)
        {
            int entry = writer.Begin(1);
            writer.Text(1, value.Fields[i].Key);
            Value(writer, 2, value.Fields[i].Value, depth);
            writer.End(entry);
        }
    }

    private static void Value(WireWriter writer, int field, MetadataValue value, int depth)
    {
        int start = writer.Begin(field);
        switch (value.Kind)
        {
            case MetadataKind.Number:
                writer.Member(2, value.Number);
                break;
            case MetadataKind.Text:
                writer.TextMember(3, value.Text);
                break;
            case MetadataKind.Boolean:
                writer.Member(4, value.Boolean ? 1UL : 0UL);
                break;
            case MetadataKind.Struct when depth < StructDepthMax:
                int fields = writer.Begin(5);
                StructFields(writer, value, depth + 1);
                writer.End(fields);
                break;
            case MetadataKind.List when depth < StructDepthMax:
                int items = writer.Begin(6);
                for (int i = 0; i < value.Items.Count; i++)
                {
                    Value(writer, 1, value.Items[i], depth + 1);
                }

                writer.End(items);
                break;
            default:
                writer.Member(1, 0UL);
                break;
        }

        writer.End(start);
    }
}
