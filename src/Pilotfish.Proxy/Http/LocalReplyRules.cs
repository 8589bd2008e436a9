using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http;

/// <summary>local_reply_config: mappers in order, the first whose filter passes may change status, body and headers; then the format.</summary>
public sealed class LocalReplyRules
{
    public static readonly LocalReplyRules None = new([], null);

    private readonly Mapper[] _mappers;
    private readonly ReplyBodyFormat? _format;

    private LocalReplyRules(Mapper[] mappers, ReplyBodyFormat? format)
    {
        _mappers = mappers;
        _format = format;
    }

    public bool IsEmpty => _mappers.Length == 0 && _format is null;

    public static LocalReplyRules Compile(LocalReplyConfig? config, string field)
    {
        if (config is null)
        {
            return None;
        }

        var mappers = new Mapper[config.Mappers.Count];
        for (int i = 0; i < mappers.Length; i++)
        {
            ResponseMapper mapper = config.Mappers[i];
            string at = $"{field}.mappers[{i}]";
            if (mapper.Filter is null)
            {
                throw new ConfigRejectedException($"{at}.filter", "the mapper has no filter");
            }

            mappers[i] = new Mapper(
                AccessLogFilterCompiler.Compile(mapper.Filter, $"{at}.filter"),
                Status(mapper.StatusCode, $"{at}.status_code"),
                mapper.Body is null ? null : DataSources.ReadBytes(mapper.Body, $"{at}.body"),
                ReplyBodyFormat.Compile(mapper.BodyFormatOverride, $"{at}.body_format_override"),
                HeaderMutations.Compile(mapper.HeadersToAdd, [], $"{at}.headers_to_add", ""));
        }

        return new LocalReplyRules(mappers, ReplyBodyFormat.Compile(config.BodyFormat, $"{field}.body_format"));
    }

    /// <summary>
    /// Envoy's steps (local_reply.cc): the first mapper that matches changes the body, the headers, then the status, as its headers may tell
    /// the status before; then the body is formatted.
    /// </summary>
    internal LocalReplyResult Apply(HttpStream stream, int status, ReadOnlySpan<byte> body)
    {
        ReplyBodyFormat? format = _format;
        foreach (Mapper mapper in _mappers)
        {
            var source = new FormatSource(stream.Info, AccessLogType.NotSet);
            if (!mapper.Filter.Passes(in source))
            {
                continue;
            }

            body = mapper.Body ?? body;
            mapper.Headers.Apply(stream.ResponseHeaders, stream.Info, stream.Worker.Scratch);
            status = mapper.Status ?? status;
            format = mapper.Format ?? format;
            break;
        }

        if (format is null)
        {
            return new LocalReplyResult(status, body, ReplyBodyFormat.TextType, isJson: false);
        }

        stream.ResponseHeaders.SetNumber(WellKnownHeader.Status, status);
        stream.Info.ResponseCode = status;
        return new LocalReplyResult(status, format.Apply(stream, body), format.ContentType, format.IsJson);
    }

    private static int? Status(uint? code, string field) => code is < 200 or > 599
        ? throw new ConfigRejectedException(field, $"{code} is not between 200 and 599")
        : (int?)code;

    private sealed record Mapper(AccessLogFilter Filter, int? Status, byte[]? Body, ReplyBodyFormat? Format, HeaderMutations Headers);
}
