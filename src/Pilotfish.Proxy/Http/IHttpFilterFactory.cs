using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles the config of one kind of HTTP filter.</summary>
public interface IHttpFilterFactory : IExtensionFactory
{
    HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context);
}
