using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Http;

/// <summary>Compiles the config of one kind of upstream HTTP filter.</summary>
public interface IUpstreamHttpFilterFactory : IExtensionFactory
{
    UpstreamHttpFilter Compile(ExtensionConfig config, CompileContext context);
}
