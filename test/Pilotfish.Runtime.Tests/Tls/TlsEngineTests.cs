using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Runtime.Tests.Tls;

/// <summary>Tests that every engine has to pass: each class has one heir per engine.</summary>
public abstract class TlsEngineTests(TlsEngine engine)
{
    protected bool IsLibssl => engine == TlsEngine.Libssl;

    protected ValueTask<TlsHandshake> Accept(IByteStream inner, Func<TlsClientHello, TlsServerChoice?> choose) =>
        TlsServerStream.AcceptAsync(inner, choose, engine);

    protected ValueTask<TlsHandshake> Connect(IByteStream inner, TlsClientOptions options) =>
        TlsClientStream.ConnectAsync(inner, options, engine);
}
