using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled direct_response. Immutable.</summary>
public sealed class DirectResponseModel
{
    /// <summary>Envoy's default of max_direct_response_body_size_bytes; Istio raises it to 1 MiB.</summary>
    public const uint DefaultBodyBytesMax = 4096;

    private readonly ReplyBodyFormat? _format;

    private DirectResponseModel(int status, byte[] body, ReplyBodyFormat? format)
    {
        Status = status;
        Body = body;
        _format = format;
    }

    public int Status { get; }

    /// <summary>What body says, before its format.</summary>
    public byte[] Body { get; }

    /// <summary>Throws <see cref="ConfigRejectedException"/> with the field's path. The limit is of body; what body_format makes of it has none, as in Envoy.</summary>
    public static DirectResponseModel Compile(DirectResponseAction action, uint bodyBytesMax, string field)
    {
        if (action.Status is < 200 or > 599)
        {
            throw new ConfigRejectedException($"{field}.status", $"{action.Status} is not between 200 and 599");
        }

        byte[] body = action.Body is { SpecifierCase: not DataSource.SpecifierOneofCase.None } source
            ? DataSources.ReadBytes(source, $"{field}.body")
            : [];
        if (body.Length > bodyBytesMax)
        {
            throw new ConfigRejectedException($"{field}.body",
                $"it has {body.Length} bytes, max_direct_response_body_size_bytes allows {bodyBytesMax}");
        }

        return new DirectResponseModel((int)action.Status, body, ReplyBodyFormat.Compile(action.BodyFormat, $"{field}.body_format"));
    }

    /// <summary>Whether body_format makes the body, and with <see cref="Format"/> what it makes.</summary>
    internal bool IsFormatted => _format is not null;

    /// <summary>The body for a stream, and its type, or null when nobody said one. Only where <see cref="IsFormatted"/>.</summary>
    internal byte[] Format(HttpStream stream, out byte[]? contentType)
    {
        contentType = _format!.SaysType ? _format.ContentType : null;
        stream.Info.ResponseCode = Status;
        return _format.Apply(stream, Body).ToArray();
    }
}
