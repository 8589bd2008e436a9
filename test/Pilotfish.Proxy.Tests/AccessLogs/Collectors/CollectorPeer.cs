using System.Buffers.Binary;
using System.Text;
using Envoy.Service.Accesslog.V3;
using Google.Protobuf;
using OpenTelemetry.Proto.Collector.Logs.V1;
using Pilotfish.Proxy.Http2.Frames;
using Pilotfish.Proxy.Tests.Http2;

namespace Pilotfish.Proxy.Tests.AccessLogs.Collectors;

/// <summary>A collector by hand: reads messages of any call, gives window back unless told otherwise, answers when told.</summary>
internal sealed class CollectorPeer(Http2Peer peer)
{
    private readonly Dictionary<int, List<byte>> _unread = [];

    public Http2Peer Peer { get; } = peer;

    /// <summary>The call that the last message came on.</summary>
    public int StreamId { get; private set; }

    public async Task<Dictionary<string, string>> ReadHeadAsync() => (await Peer.ReadHeadersAsync()).Fields;

    /// <summary>HTTP entries read so far.</summary>
    public int Records { get; private set; }

    public async Task<StreamAccessLogsMessage> ReadLogsAsync()
    {
        StreamAccessLogsMessage message = StreamAccessLogsMessage.Parser.ParseFrom(await ReadMessageAsync());
        Records += message.HttpLogs?.LogEntry.Count ?? 0;
        return message;
    }

    public async Task<ExportLogsServiceRequest> ReadExportAsync() => ExportLogsServiceRequest.Parser.ParseFrom(await ReadMessageAsync());

    /// <summary>The next message that is whole, of whichever call.</summary>
    public async Task<byte[]> ReadMessageAsync()
    {
        while (true)
        {
            foreach ((int id, List<byte> unread) in _unread)
            {
                if (TryTake(unread) is { } message)
                {
                    StreamId = id;
                    return message;
                }
            }

            (FrameHeader header, byte[] payload) = await Peer.ReadAsync(FrameType.DATA);
            if (!_unread.TryGetValue(header.StreamId, out List<byte>? bytes))
            {
                _unread.Add(header.StreamId, bytes = []);
            }

            bytes.AddRange(payload);
            if (payload.Length > 0)
            {
                await Peer.SendAsync(FrameType.WINDOW_UPDATE, 0, 0, Http2Peer.Number((uint)payload.Length));
                await Peer.SendAsync(FrameType.WINDOW_UPDATE, 0, header.StreamId, Http2Peer.Number((uint)payload.Length));
            }
        }
    }

    public async Task AnswerAsync(int id, ExportLogsServiceResponse? response = null)
    {
        byte[] body = (response ?? new ExportLogsServiceResponse()).ToByteArray();
        await Peer.HeadersAsync(id, end: false, (":status", "200"));
        await Peer.DataAsync(id, $"\0\0\0\0{(char)body.Length}{Encoding.Latin1.GetString(body)}", end: false);
        await Peer.HeadersAsync(id, end: true, ("grpc-status", "0"));
    }

    private static byte[]? TryTake(List<byte> unread)
    {
        if (unread.Count < 5)
        {
            return null;
        }

        int length = BinaryPrimitives.ReadInt32BigEndian(unread.GetRange(1, 4).ToArray());
        if (unread.Count < 5 + length)
        {
            return null;
        }

        byte[] message = [.. unread.GetRange(5, length)];
        unread.RemoveRange(0, 5 + length);
        return message;
    }
}
