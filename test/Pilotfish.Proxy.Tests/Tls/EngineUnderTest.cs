using System.Runtime.CompilerServices;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tests.Tls;

/// <summary>Which TLS engine this run tests: `PILOTFISH_TEST_TLS_ENGINE`, else the process's own. test.sh runs the TLS tests with both.</summary>
internal static class EngineUnderTest
{
    [ModuleInitializer]
    internal static void Set()
    {
        if (Enum.TryParse(Environment.GetEnvironmentVariable("PILOTFISH_TEST_TLS_ENGINE"), out TlsEngine engine))
        {
            TlsEngines.Default = engine;
        }
    }
}
