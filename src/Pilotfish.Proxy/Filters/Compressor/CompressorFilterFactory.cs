using Envoy.Extensions.Filters.Http.Compressor.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Stats;
using CompressorMessage = Envoy.Extensions.Filters.Http.Compressor.V3.Compressor;

namespace Pilotfish.Proxy.Filters.Compressor;

/// <summary>envoy.filters.http.compressor: bodies are compressed by gzip or Brotli, as the receiver accepts.</summary>
public sealed class CompressorFilterFactory : IHttpFilterFactory, IHttpFilterRouteConfigFactory
{
    private const string PerRoute = "envoy.extensions.filters.http.compressor.v3.CompressorPerRoute";

    public IReadOnlyList<string> MessageNames { get; } = ["envoy.extensions.filters.http.compressor.v3.Compressor", PerRoute];

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        CompressorMessage message = config.Parse(CompressorMessage.Parser);
        var library = CompressionLibrary.Compile(message.CompressorLibrary, $"{config.Field}.compressor_library", context.Config);
        StatScope root = Scope(context, $"compressor.{library.Name}.{library.Kind}");
        var requestStats = new CompressorStats(Scope(context, $"compressor.{library.Name}.{library.Kind}.request"));
        CompressorDirection? requests = message.RequestDirectionConfig is { } ofRequests
            ? Direction(ofRequests.CommonConfig, context, requestStats)
            : null;
        if (message.ResponseDirectionConfig is not { } responses)
        {
            // The older fields.
            return new CompressorModel
            {
                Library = library,
                Requests = requests,
                RequestStats = requestStats,
                Responses = new CompressorDirection(
                    message.RuntimeEnabled, message.ContentLength, message.ContentType, context.Config.Runtime, new CompressorStats(root)),
                Accepts = new AcceptStats(root),
                DisablesOnEtag = message.DisableOnEtagHeader,
                RemovesAcceptEncoding = message.RemoveAcceptEncodingHeader,
                UncompressibleCodes = [],
                TellsStatus = false,
                ChooseFirst = message.ChooseFirst,
            };
        }

        return new CompressorModel
        {
            Library = library,
            Requests = requests,
            RequestStats = requestStats,
            Responses = Direction(
                responses.CommonConfig, context, new CompressorStats(Scope(context, $"compressor.{library.Name}.{library.Kind}.response"))),
            Accepts = new AcceptStats(root),
            DisablesOnEtag = responses.DisableOnEtagHeader,
            RemovesAcceptEncoding = responses.RemoveAcceptEncodingHeader,
            UncompressibleCodes = Codes(responses, $"{config.Field}.response_direction_config.uncompressible_response_codes"),
            TellsStatus = responses.StatusHeaderEnabled,
            ChooseFirst = message.ChooseFirst,
        };
    }

    public object CompileRouteConfig(ExtensionConfig config, CompileContext context)
    {
        if (config.MessageName != PerRoute)
        {
            throw new ConfigRejectedException(config.Field, $"a route's config of the compressor filter is of type '{PerRoute}'");
        }

        CompressorPerRoute route = config.Parse(CompressorPerRoute.Parser);
        return route.OverrideCase switch
        {
            CompressorPerRoute.OverrideOneofCase.Disabled when route.Disabled => new CompressorRoute(false, null, null),
            CompressorPerRoute.OverrideOneofCase.Overrides => new CompressorRoute(
                route.Overrides.ResponseDirectionConfig is null ? null : true,
                route.Overrides.ResponseDirectionConfig?.RemoveAcceptEncodingHeader,
                route.Overrides.CompressorLibrary is { } library
                    ? CompressionLibrary.Compile(library, $"{config.Field}.overrides.compressor_library", context)
                    : null),
            _ => throw new ConfigRejectedException(config.Field, "it must say either disabled: true or overrides"),
        };
    }

    private static CompressorDirection Direction(CompressorMessage.Types.CommonDirectionConfig? common, HttpFilterContext context, CompressorStats stats)
    {
        common ??= new CompressorMessage.Types.CommonDirectionConfig();
        return new CompressorDirection(common.Enabled, common.MinContentLength, common.ContentType, context.Config.Runtime, stats);
    }

    private static uint[] Codes(CompressorMessage.Types.ResponseDirectionConfig responses, string field)
    {
        uint[] codes = [.. responses.UncompressibleResponseCodes];
        Array.Sort(codes);
        for (int i = 0; i < codes.Length; i++)
        {
            if (codes[i] is < 200 or >= 600)
            {
                throw new ConfigRejectedException(field, $"{codes[i]} is not within 200 to 599");
            }

            if (i > 0 && codes[i - 1] == codes[i])
            {
                throw new ConfigRejectedException(field, $"{codes[i]} is there twice");
            }
        }

        return codes;
    }

    private static StatScope Scope(HttpFilterContext context, string name)
    {
        StatScope scope = context.Stats.Scope(name);
        context.Owned.Add(scope);
        return scope;
    }
}
