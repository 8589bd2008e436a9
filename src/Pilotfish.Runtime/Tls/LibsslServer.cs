using System.Security.Cryptography;
using Pilotfish.Runtime.Buffers;
using Pilotfish.Runtime.Streams;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// The server's handshake by libssl. The ClientHello is read and understood first, because it chooses the context; libssl is then
/// given the same bytes.
/// </summary>
internal static class LibsslServer
{
    /// <summary>libssl takes no larger message of this kind, and browsers send some 2 KB.</summary>
    private const int HelloBytesMax = 16 * 1024;

    private const int HelloBytesUsual = 4 * 1024;

    private const byte InternalError = 80;

    internal static async ValueTask<TlsHandshake> AcceptAsync(IByteStream inner, Func<TlsClientHello, TlsServerChoice?> choose)
    {
        (PooledBuffer? hello, int count, TlsHandshake? refusal) = await ReadHelloAsync(inner);
        if (refusal is { } refused)
        {
            hello?.Return();
            inner.Close();
            return refused;
        }

        TlsClientHello asked = Understand(hello!.Span[..count]);
        LibsslStream? stream = Prepare(inner, choose(asked), asked.Refusal, out string? failure);
        if (stream is null)
        {
            hello.Return();
            inner.Close();
            return new(null, failure, TlsFailureKind.Protocol);
        }

        stream.GiveEarly(hello, count);
        return await stream.HandshakeAsync(asked.ServerName);
    }

    private static TlsClientHello Understand(ReadOnlySpan<byte> hello) => new()
    {
        ServerName = ClientHelloReader.ServerName(hello),
        ApplicationProtocols = ClientHelloReader.Protocols(hello),
        EcdsaCurves = ClientHelloReader.EcdsaCurves(hello),
        AsksForStaple = ClientHelloReader.AsksForStaple(hello),
    };

    private static LibsslStream? Prepare(IByteStream inner, TlsServerChoice? choice, TlsHelloRefusal? refusal, out string? failure)
    {
        if (choice is null)
        {
            failure = refusal?.Text ?? TlsServerStream.NoCertificate;
            SayAlert(inner, refusal?.Alert ?? TlsHelloRefusal.HandshakeFailure);
            return null;
        }

        try
        {
            failure = null;
            var verifier = new TlsVerifier(choice.ClientVerification, choice.RequireClientCertificate, isServer: true);
            var stream = new LibsslStream(inner, choice.Context, new LibsslHandshake(verifier, choice.Certificate.TargetCertificate));
            stream.Connection.Staple = choice.Staple is { } staple && staple.IsValid(inner.Loop.WallNow) ? staple.Der : null;
            return stream;
        }
        catch (Exception exception) when (exception is CryptographicException or ObjectDisposedException)
        {
            // Suites that this library has not, or a key that it cannot use; or the choice was retired just now.
            failure = exception.Message;
            SayAlert(inner, InternalError);
            return null;
        }
    }

    /// <summary>The buffer is the caller's, whatever comes with it.</summary>
    private static async ValueTask<(PooledBuffer? Hello, int Count, TlsHandshake? Refusal)> ReadHelloAsync(IByteStream inner)
    {
        PooledBuffer? hello = null;
        int count = 0;
        while (true)
        {
            IoResult result = await inner.ReceiveAsync(Memory<byte>.Empty);
            if (result.IsOk)
            {
                hello = Grow(inner, hello, count);
                result = inner.TryReceive(hello.Span[count..Math.Min(hello.Length, HelloBytesMax)]);
            }

            if (result.IsWouldBlock)
            {
                continue;
            }

            if (!result.IsOk || result.IsEnd)
            {
                bool isForeign = count > 0 && ClientHelloReader.Measure(hello!.Span[..count]) != ClientHelloProgress.NeedMore;
                string text = !result.IsOk ? TlsFailureText.Of(result.Error)
                    : isForeign ? TlsFailureText.OfForeign(hello!.Span[..count])
                    : TlsFailureText.ClosedText;
                return (hello, count, new TlsHandshake(null, text, isForeign && result.IsOk ? TlsFailureKind.Protocol : TlsFailureKind.Transport));
            }

            count += result.Bytes;
            if (Judge(inner, hello!.Span[..count]) is { } refusal)
            {
                return (hello, count, new TlsHandshake(null, refusal, TlsFailureKind.Protocol));
            }

            if (ClientHelloReader.Measure(hello.Span[..count]) == ClientHelloProgress.Complete)
            {
                return (hello, count, null);
            }
        }
    }

    private static string? Judge(IByteStream inner, ReadOnlySpan<byte> received)
    {
        // Short of it an alert's reason would be guessed.
        const int AlertRecordBytes = 7;
        const byte UnexpectedMessage = 10;
        const byte RecordOverflow = 22;
        const byte ProtocolVersion = 70;
        switch (ClientHelloReader.Measure(received))
        {
            case ClientHelloProgress.Foreign when received.Length >= AlertRecordBytes:
                SayAlert(inner, ProtocolVersion);
                return TlsFailureText.OfForeign(received);
            case ClientHelloProgress.OtherMessage:
                SayAlert(inner, UnexpectedMessage);
                return TlsFailureText.Of(TlsFailureText.UnexpectedMessage);
            case ClientHelloProgress.BadLength:
                SayAlert(inner, RecordOverflow);
                return TlsFailureText.Of(TlsFailureText.EncryptedLengthTooLong);
            case ClientHelloProgress.NeedMore when received.Length >= HelloBytesMax:
                SayAlert(inner, RecordOverflow);
                return TlsFailureText.Of(TlsFailureText.ExcessiveMessageSize);
            default:
                return null;
        }
    }

    private static PooledBuffer Grow(IByteStream inner, PooledBuffer? hello, int count)
    {
        if (hello is null)
        {
            return inner.Loop.Buffers.Rent(HelloBytesUsual);
        }

        if (count < hello.Length)
        {
            return hello;
        }

        PooledBuffer larger = inner.Loop.Buffers.Rent(HelloBytesMax);
        hello.Span.CopyTo(larger.Span);
        hello.Return();
        return larger;
    }

    /// <summary>A fatal alert in the clear (RFC 8446 section 6), if the stream below takes it at once.</summary>
    private static void SayAlert(IByteStream inner, byte description) => inner.TrySend([21, 3, 3, 0, 2, 2, description]);
}
