using System.Text;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Routing;
using TunnelingConfig = Envoy.Extensions.Filters.Network.TcpProxy.V3.TcpProxy.Types.TunnelingConfig;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>Turns tunneling_config into a <see cref="TunnelModel"/>, or rejects it by the field at fault. Main loop.</summary>
internal static class TunnelCompiler
{
    private const string DefaultRequestIdHeader = "x-request-id";
    private const string DefaultRequestIdKey = "tunnel_request_id";

    public static TunnelModel Compile(TunnelingConfig config, string field)
    {
        if (config.Hostname.Length == 0)
        {
            throw new ConfigRejectedException(field + ".hostname", "it is empty; name the host and port to ask for");
        }

        if (config.PostPath.Length > 0 && !config.UsePost)
        {
            throw new ConfigRejectedException(field + ".post_path", "only POST has a path; set use_post");
        }

        return new TunnelModel
        {
            Hostname = FormatProgram.Compile(config.Hostname, field + ".hostname"),
            UsesPost = config.UsePost,
            Path = PostPath(config.PostPath, field + ".post_path"),
            Headers = HeaderMutations.Compile(config.HeadersToAdd, [], field + ".headers_to_add", ""),
            PropagatesHeaders = config.PropagateResponseHeaders,
            PropagatesTrailers = config.PropagateResponseTrailers,
            RequestIdHeader = RequestIdHeader(config, field),
            RequestIdKey = config.RequestIdMetadataKey.Length > 0 ? config.RequestIdMetadataKey : DefaultRequestIdKey,
        };
    }

    private static byte[] PostPath(string path, string field)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path.Length == 0 ? "/" : path);
        return bytes[0] == '/' && !bytes.AsSpan().ContainsAny(HttpCharacters.NotInTarget)
            ? bytes
            : throw new ConfigRejectedException(field, $"'{path}' is no path: it begins with '/' and has neither blanks nor control characters");
    }

    private static byte[]? RequestIdHeader(TunnelingConfig config, string field)
    {
        RequestIdExtensions.Check(config.RequestIdExtension, field + ".request_id_extension");
        if (config.RequestIdExtension is null)
        {
            return null;
        }

        string name = config.RequestIdHeader.Length > 0 ? config.RequestIdHeader.ToLowerInvariant() : DefaultRequestIdHeader;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        return name != "host" && !bytes.AsSpan().ContainsAnyExcept(HttpCharacters.Token)
            ? bytes
            : throw new ConfigRejectedException(field + ".request_id_header", $"'{name}' is no name that a header of its own may have");
    }
}
