using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles one filter's typed_config through the registry, and says once what a known filter does not do yet.</summary>
internal static class HttpFilterCompiler
{
    public static HttpFilterModel Compile(Any? typedConfig, string name, string field, HttpFilterContext context)
    {
        IHttpFilterFactory factory = context.Config.Extensions.Find<IHttpFilterFactory>(
            typedConfig ?? new Any(), name, field, out ExtensionConfig config);
        if (factory.NotActiveNote is { } note)
        {
            context.Config.Warnings.Add($"HTTP filter '{name}' ({config.MessageName}): {note}");
        }

        return factory.Compile(config, context);
    }
}
