using System.Security.Cryptography;
using Pilotfish.Api.Failures;
using Pilotfish.Api.Names;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Agent.Identity.Workload;

/// <summary>
/// Makes ECDSA keys at once and RSA keys on a thread that lives as long as that takes: the main loop serves health checks and DNS, and a
/// thread that has ended holds no memory. Main loop.
/// </summary>
internal sealed class KeyMaker(EventLoop loop, KeyOptions options, SpiffeId identity) : IKeyMaker, IDisposable
{
    // Deep enough for the library's big numbers.
    private const int StackBytes = 256 * 1024;

    // Between the end of the loop, to which nothing may be posted any more, and a thread that is still at work.
    private readonly Lock _gate = new();
    private bool _isOver;

    public void Make(Action<CertificateKey?, string> made)
    {
        if (options.Kind != KeyKind.Rsa)
        {
            CertificateKey? key = TryMake(out string problem);
            made(key, problem);
            return;
        }

        var thread = new Thread(
            () =>
            {
                CertificateKey? key = TryMake(out string problem);
                lock (_gate)
                {
                    if (!_isOver)
                    {
                        loop.Post(_ => made(key, problem), null);
                    }
                }
            },
            StackBytes)
        {
            Name = "key",
            IsBackground = true,
            Priority = ThreadPriority.BelowNormal,
        };
        thread.Start();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
        }
    }

    private CertificateKey? TryMake(out string problem)
    {
        try
        {
            problem = "";
            return CertificateKey.Make(options, identity);
        }
        catch (CryptographicException e)
        {
            problem = FailureText.Of(e);
            return null;
        }
    }
}
