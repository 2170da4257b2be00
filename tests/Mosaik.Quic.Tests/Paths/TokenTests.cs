using System.Net;
using System.Security.Cryptography;
using CsCheck;
using Mosaik.Quic.Paths;
using Mosaik.Quic.Wire;

namespace Mosaik.Quic.Tests.Paths;

public sealed class TokenTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(1000);
    private static readonly IPEndPoint Client = new(IPAddress.Parse("192.0.2.33"), 51234);
    private static readonly ConnectionId Original = new([.. Enumerable.Range(0, 20).Select(i => (byte)(i * 7))]);
    private static readonly ConnectionId RetrySource = ConnectionId.FromUInt64(0x0102030405060708);

    [Fact]
    public void A_reset_token_is_the_first_half_of_the_mac()
    {
        byte[] expected = HMACSHA256.HashData(Key, RetrySource.ToArray())[..16];
        StatelessResetToken token = StatelessResetToken.Create(Key, RetrySource);
        Assert.Equal(expected, token.Bytes.ToArray());
        byte[] copy = new byte[16];
        token.CopyTo(copy);
        Assert.Equal(expected, copy);
        Assert.True(token.FixedTimeEquals(expected));
        Assert.Equal(token, new StatelessResetToken(expected));
        for (int i = 0; i < 16; i++)
        {
            byte[] wrong = [.. expected];
            wrong[i] ^= 0x80;
            Assert.False(token.FixedTimeEquals(wrong));
            Assert.NotEqual(token, new StatelessResetToken(wrong));
        }
        Assert.False(token.FixedTimeEquals(expected.AsSpan(1)));
        Assert.DoesNotContain(Convert.ToHexStringLower(expected), token.ToString(), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new StatelessResetToken(new byte[17]));
    }

    [Fact]
    public void A_reset_token_allocates_nothing()
    {
        bool equal = StatelessResetToken.Create(Key, RetrySource).Equals(StatelessResetToken.Create(Key, RetrySource));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            equal &= StatelessResetToken.Create(Key, RetrySource).Equals(StatelessResetToken.Create(Key, RetrySource));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(equal);
        Assert.Equal(0, allocated);
    }

    private static byte[] Retry(IPEndPoint? client = null, ConnectionId? original = null)
    {
        byte[] buffer = new byte[RetryToken.MaxLength];
        int length = RetryToken.Write(Key, T0, client ?? Client, original ?? Original, RetrySource, buffer);
        return buffer[..length];
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(20)]
    public void A_retry_token_gives_the_original_id_back(int idLength)
    {
        var original = new ConnectionId(Original.ToArray().AsSpan(0, idLength));
        byte[] token = Retry(original: original);
        Assert.Equal(8 + 1 + idLength + 16, token.Length);
        Assert.True(RetryToken.TryValidate(Key, T0 + TimeSpan.FromSeconds(14.9), Client, RetrySource, token, out ConnectionId found));
        Assert.Equal(original, found);
    }

    [Fact]
    public void A_retry_token_is_good_for_15_seconds_one_address_and_one_pair_of_ids()
    {
        byte[] token = Retry();
        Assert.False(RetryToken.TryValidate(Key, T0 + TimeSpan.FromSeconds(15), Client, RetrySource, token, out _));
        Assert.False(RetryToken.TryValidate(Key, T0, new IPEndPoint(Client.Address, 51235), RetrySource, token, out _));
        Assert.False(RetryToken.TryValidate(Key, T0, new IPEndPoint(IPAddress.Parse("192.0.2.34"), 51234), RetrySource, token, out _));
        Assert.False(RetryToken.TryValidate(Key, T0, new IPEndPoint(IPAddress.IPv6Loopback, 51234), RetrySource, token, out _));
        Assert.False(RetryToken.TryValidate(Key, T0, Client, ConnectionId.FromUInt64(9), token, out ConnectionId found));
        Assert.True(found.IsEmpty);
        Assert.False(RetryToken.TryValidate([.. Key.Reverse()], T0, Client, RetrySource, token, out _));
        Assert.True(RetryToken.TryValidate(Key, T0, new IPEndPoint(Client.Address.MapToIPv6(), Client.Port), RetrySource, token, out _));
    }

    [Fact]
    public void A_changed_or_cut_retry_token_is_refused()
    {
        byte[] token = Retry();
        for (int bit = 0; bit < token.Length * 8; bit++)
        {
            byte[] changed = [.. token];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(RetryToken.TryValidate(Key, T0, Client, RetrySource, changed, out _));
        }
        for (int length = 0; length < token.Length; length++)
            Assert.False(RetryToken.TryValidate(Key, T0, Client, RetrySource, token.AsSpan(0, length), out _));
        Assert.False(RetryToken.TryValidate(Key, T0, Client, RetrySource, [.. token, 0], out _));
    }

    [Fact]
    public void Random_bytes_are_no_retry_token()
    {
        Gen.Byte.Array[0, 60].Sample(
            bytes => !RetryToken.TryValidate(Key, T0, Client, RetrySource, bytes, out _), iter: 2000);
    }
}
