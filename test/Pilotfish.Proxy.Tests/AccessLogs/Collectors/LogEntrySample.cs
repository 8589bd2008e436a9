using Google.Protobuf;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.AccessLogs.Collectors;
using Pilotfish.Proxy.Streams;
using Xunit;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>What a collector would read of an entry.</summary>
internal static class LogEntrySample
{
    public static T Read<T>(ILogEntryFormat format, StreamInfo info, AccessLogType type, MessageParser<T> parser, bool isShortest = true)
        where T : IMessage<T>
    {
        var writer = new WireWriter(new FormatOutput());
        var source = new FormatSource(info, type);
        format.Write(writer, in source);
        T message = parser.ParseFrom(writer.Output.Written);

        // Nothing unknown and nothing longer than it need be: the size that the library itself would write.
        if (isShortest)
        {
            Assert.Equal(message.CalculateSize(), writer.Output.Length);
        }

        return message;
    }

    public static HttpLogEntryFormat Http(
        IReadOnlyList<string>? filterState = null, IReadOnlyList<LogTag>? tags = null, string[]? request = null, string[]? response = null,
        string[]? trailers = null) => new(
            new CommonLogFields(filterState ?? [], tags ?? []),
            new LoggedHeaders(request ?? []), new LoggedHeaders(response ?? []), new LoggedHeaders(trailers ?? []));
}
