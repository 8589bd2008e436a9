using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Health;

/// <summary>A call of grpc.health.v1.Health/Check (gRPC's health checking protocol): well is who answers SERVING.</summary>
internal sealed class GrpcProbe(WorkerCluster cluster, Host host, HealthCheckPolicy policy) : Http2Probe(cluster, host, policy)
{
    private const int PrefixBytes = 5;

    // HealthCheckResponse is one number; whoever sends more is something else.
    private const int AnswerBytesMax = 64;
    private const uint StatusTag = 1 << 3;
    private const ulong Serving = 1;

    private readonly byte[] _answer = new byte[AnswerBytesMax];
    private byte[]? _request;
    private int _length;
    private bool _isGrpc;

    protected override ReadOnlyMemory<byte> Body => _request ??= Request(Policy.ServiceText);

    protected override void Begin()
    {
        _length = 0;
        _isGrpc = false;
    }

    protected override void Write(HeaderMap headers, bool isSecure)
    {
        HealthRequest.Write(headers, this, isSecure);
        headers.Set(WellKnownHeader.ContentType, "application/grpc"u8);
        headers.Set(WellKnownHeader.Te, "trailers"u8);
        GrpcText.SetTimeout(headers, Policy.TimeoutMilliseconds);
    }

    protected override void Head(int status) =>
        _isGrpc = status == 200 && GrpcText.IsGrpcContentType(ResponseHeaders[WellKnownHeader.ContentType]);

    protected override void Data(ReadOnlySpan<byte> data)
    {
        int kept = Math.Min(data.Length, _answer.Length - _length);
        data[..kept].CopyTo(_answer.AsSpan(_length));

        // One too many shows in the judgement.
        _length = Math.Min(AnswerBytesMax, _length + data.Length);
    }

    protected override ProbeResult Judge(HeaderMap? last) =>
        _isGrpc && last is not null && last[WellKnownHeader.GrpcStatus].SequenceEqual("0"u8) && IsServing(_answer.AsSpan(0, _length))
            ? ProbeResult.Healthy
            : ProbeResult.Refused;

    private static bool IsServing(ReadOnlySpan<byte> message)
    {
        if (message.Length is < PrefixBytes or >= AnswerBytesMax || message[0] != 0
            || BinaryPrimitives.ReadUInt32BigEndian(message[1..]) != message.Length - PrefixBytes)
        {
            return false;
        }

        ulong status = 0;
        try
        {
            var input = new CodedInputStream(message[PrefixBytes..].ToArray());
            while (input.ReadTag() is > 0 and uint tag)
            {
                if (tag == StatusTag)
                {
                    status = input.ReadUInt64();
                }
                else
                {
                    input.SkipLastField();
                }
            }
        }
        catch (InvalidProtocolBufferException)
        {
            // A host that sends no message is not serving.
            return false;
        }

        return status == Serving;
    }

    // HealthCheckRequest: the service's name is its field 1.
    private static byte[] Request(string service)
    {
        byte[] name = Encoding.UTF8.GetBytes(service);
        using var stream = new MemoryStream();
        stream.Write(new byte[PrefixBytes]);
        if (name.Length > 0)
        {
            var output = new CodedOutputStream(stream, leaveOpen: true);
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(service);
            output.Flush();
        }

        byte[] framed = stream.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(1), (uint)(framed.Length - PrefixBytes));
        return framed;
    }
}
