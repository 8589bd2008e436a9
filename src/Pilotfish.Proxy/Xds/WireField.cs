namespace Pilotfish.Proxy.Xds;

/// <summary>The wire types of protobuf that still exist (https://protobuf.dev/programming-guides/encoding/#structure).</summary>
internal enum WireField : byte
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}
