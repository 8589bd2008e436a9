using Envoy.Extensions.Filters.Http.GrpcStats.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.GrpcStats;

/// <summary>The filter state object <c>envoy.filters.http.grpc_stats</c>: messages seen so far in each direction.</summary>
public sealed class GrpcMessageCounts : IFilterStateObject
{
    public const string Key = "envoy.filters.http.grpc_stats";

    public long RequestMessages { get; internal set; }

    public long ResponseMessages { get; internal set; }

    public string? PlainText => $"{RequestMessages},{ResponseMessages}";

    public ReadOnlyMemory<byte> AnyMessage => new Any
    {
        TypeUrl = "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterObject",
        Value = new FilterObject
        {
            RequestMessageCount = (ulong)RequestMessages,
            ResponseMessageCount = (ulong)ResponseMessages,
        }.ToByteString(),
    }.ToByteArray();

    public ulong? PoolKeyHash => null;
}
