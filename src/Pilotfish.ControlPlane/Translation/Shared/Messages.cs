using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Udpa.Type.V1;

namespace Pilotfish.ControlPlane.Translation.Shared;

/// <summary>Small constructors that every generator needs.</summary>
internal static class Messages
{
    public const string TypePrefix = "type.googleapis.com/";

    /// <summary>Zero: for most timeouts "no limit".</summary>
    public static Duration Zero => new();

    public static Any Pack(IMessage message) => Any.Pack(message, TypePrefix);

    /// <summary>A message whose type the receiver may know only by name.</summary>
    public static Any TypedStruct(string typeUrl, Struct value) => Pack(new TypedStruct { TypeUrl = typeUrl, Value = value });

    public static Address Address(string host, int port) => new()
    {
        SocketAddress = new SocketAddress { Address = host, PortValue = (uint)port },
    };

    /// <summary>"This same stream", waiting for the first answer without limit.</summary>
    public static ConfigSource AdsSource() => new()
    {
        Ads = new AggregatedConfigSource(),
        InitialFetchTimeout = Zero,
        ResourceApiVersion = ApiVersion.V3,
    };

    public static Value Text(string value) => Value.ForString(value);

    public static Value List(params Value[] values) => Value.ForList(values);

    public static Value Object(params (string Key, Value Value)[] fields) => Value.ForStruct(Struct(fields));

    public static Struct Struct(params (string Key, Value Value)[] fields)
    {
        var result = new Struct();
        foreach (var (key, value) in fields)
        {
            result.Fields[key] = value;
        }

        return result;
    }
}
